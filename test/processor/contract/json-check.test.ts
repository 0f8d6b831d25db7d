import { describe, expect, test } from "vitest";
import {
  anything,
  type Checked,
  either,
  flag,
  type JsonCheck,
  kinds,
  listOf,
  named,
  number,
  oneOf,
  orAbsent,
  orNull,
  orOlder,
  record,
  recordOf,
  schemaOf,
  text,
  threeOf,
  version,
  wholeNumberIn,
} from "../../../processor/contract/json-check.js";
import { checkedOrNull, parseChecked } from "../../../processor/contract/parse-checked.js";

const read = <T>(check: JsonCheck<T>, json: unknown): T =>
  parseChecked(JSON.stringify(json), check, (reason) => new Error(reason));

describe("a check", () => {
  test.each<readonly [string, JsonCheck<unknown>, unknown, string]>([
    ["a text", text, 1, "the document should be a text"],
    ["a field that is missing", record({ a: text }), {}, "a is missing"],
    [
      "a field of a field",
      record({ a: record({ b: flag }) }),
      { a: { b: 1 } },
      "a.b should be true or false",
    ],
    ["a field that only the prototype has", record({ toString: anything }), {}, "toString is missing"],
    ["an item of a list", record({ a: listOf(number) }), { a: [1, null] }, "a[1] should be a number"],
    ["a short list", listOf(number, 1), [], "the document should have at least 1 items"],
    ["a fourth item", threeOf(number), [1, 2, 3, 4], "the document should have 3 items"],
    [
      "a number beyond its range",
      wholeNumberIn(0, 5),
      6,
      "the document should be a whole number from 0 to 5",
    ],
    ["a word that is not in the list", oneOf(["a", "b"]), "c", 'the document should be one of "a", "b"'],
    ["an object of texts", recordOf(text), { a: 1 }, "a should be a text"],
    ["the second of two", either(number, text), true, "the document should be a text"],
    ["another version", record({ v: version(1) }), { v: 2 }, "v is 2; this version of the program reads 1"],
    ["an unknown kind", kinds({ a: record({}) }), { kind: "toString" }, 'kind should be one of "a"'],
    ["a field of a kind", kinds({ a: record({ b: text }) }), { kind: "a" }, "b is missing"],
  ])("says what is wrong and where: %s", (_, check, json, problem) => {
    expect(() => read(check, json)).toThrow(`has an unexpected form: ${problem}`);
  });

  test("says that a text is not JSON", () => {
    expect(() => parseChecked("{", anything, (reason) => new Error(reason))).toThrow("is not JSON");
  });

  test("keeps unknown fields, and treats __proto__ as an ordinary key", () => {
    const json = JSON.parse('{"a": 1, "more": 2, "__proto__": {"a": "x"}}') as unknown;
    expect(JSON.stringify(checkedOrNull(json, record({ a: number })))).toBe(JSON.stringify(json));
    expect(JSON.stringify(checkedOrNull(json, recordOf(anything)))).toBe(JSON.stringify(json));
  });

  test("fills in fields that older documents lack, and leaves out optional ones", () => {
    const check = record({ a: orOlder(orNull(number), null), b: orAbsent(text) });
    const found: { readonly a: number | null; readonly b?: string } = read(check, {});
    expect(found).toEqual({ a: null });
    expect("b" in found).toBe(false);
  });

  test("returns null for a value of another form", () => {
    expect(checkedOrNull([], record({}))).toBeNull();
  });
});

describe("the schema of a check", () => {
  interface Tree {
    readonly below: readonly Tree[];
  }
  const tree: JsonCheck<Tree> = record({ below: listOf(named("tree", () => tree)) });

  test("names the parts that contain themselves", () => {
    const items = { type: "array", items: { $ref: "#/$defs/tree" } };
    const object = { type: "object", properties: { below: items }, required: ["below"] };
    expect(schemaOf(tree, "a tree")).toEqual({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      title: "a tree",
      ...object,
      $defs: { tree: object },
    });
  });

  test("requires exactly the fields that must be present", () => {
    const check = record({ a: text, b: orAbsent(text), c: orOlder(text, "x") });
    const value: Checked<typeof check> = { a: "", c: "" };
    expect(read(check, value)).toEqual(value);
    expect(schemaOf(check, "")).toMatchObject({ required: ["a"] });
  });
});
