import { describe, expect, test } from "vitest";
import { JsonFault, parseHandwritten, placesIn } from "../../../../src/ground/untrusted/handwritten-json.js";

const faultOf = (text: string): string => {
  try {
    parseHandwritten(text);
  } catch (error) {
    if (error instanceof JsonFault) return `${error.place.line}:${error.place.column}: ${error.message}`;
    throw error;
  }
  return "none";
};

describe("a text that is not JSON is refused with the position and the reason of its first fault:", () => {
  test.each([
    ["a comma after the last entry", '{"a": 1,\n}', "2:1: expected a key in double quotes"],
    ["a comma after the last item", "[1, 2,]", "1:7: expected a value"],
    ["single quotes", "{'a': 1}", `1:2: "'a'" is not JSON; text needs double quotes`],
    ["a key without quotes", "{a: 1}", '1:2: "a" is not JSON'],
    ["Python's True", '{"a": True}', '1:7: "True" is not JSON'],
    ["no colon", '{"a" 1}', "1:6: expected a colon after the key"],
    ["no comma, after a Windows line end", '{"a": 1\r\n "b": 2}', "2:2: expected a comma"],
    ["no closing brace", '{"a": 1', "1:8: expected a comma or }"],
    ["no closing bracket", '{"a": [1, 2', "1:12: expected a comma or ]"],
    ["a comment", "{} // why", "1:4: a comment is not allowed"],
    ["a string over two lines", '{"a": "x\ny"}', "1:7: a string does not end on its line"],
    [
      "a Windows path",
      String.raw`{"C:\models": 1}`,
      String.raw`1:2: a string has an unknown escape; a backslash is written \\`,
    ],
    ["half a number", '{"a": 1.}', "1:7: a number is incomplete"],
    ["nothing", "", "1:1: expected a value"],
    ["a second value", "{}\n{}", "2:1: expected the end of the file"],
    ["a blank that JSON does not have", '{"a":\u00a01}', "1:6: "],
    ["a comment that does not end", "{}/*", "1:3: a comment is not allowed"],
    ["a hundred thousand brackets", "[".repeat(100_000), "1:101: more than 100 levels of brackets"],
  ])("%s", (_, text, fault) => {
    expect(faultOf(text)).toContain(fault);
  });
});

test("valid JSON is parsed", () => {
  const value = { a: [1, -2.5e-3, 'ü\u2028 { [ \\ "'], b: { c: null, d: true } };
  expect(parseHandwritten(JSON.stringify(value, null, 2))).toEqual(value);
});

describe("the position of", () => {
  const text = `{
  "folds": [0,
    "zero"],
  "a/b": { "c": 1 },
  "twice": 1, "twice": 2
}`;
  test.each([
    ["a key", ["folds"], { line: 2, column: 3 }],
    ["an item", ["folds", "1"], { line: 3, column: 5 }],
    ["a key in a key", ["a/b", "c"], { line: 4, column: 12 }],
    ["a duplicate key, whose second value counts", ["twice"], { line: 5, column: 15 }],
    ["a missing key", ["folds", "7"], null],
    ["a key inside a number", ["twice", "x"], null],
    ["the whole text", [], null],
  ])("%s", (_, path, place) => {
    expect(placesIn(text)(path)).toEqual(place);
  });
});
