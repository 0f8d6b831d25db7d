import { expect, test } from "vitest";
import { textFormat } from "../../../../src/convert/triton/text-format.js";

test("a message has one line per field, an indented block per message, and a list per repeated number", () => {
  const text = textFormat({
    name: "net",
    kind: { symbol: "KIND_GPU" },
    dims: [1, 48, 56],
    step: [{ message: { model: "a" } }, { message: { model: "b" } }],
    empty: { message: {} },
  });
  expect(text).toBe(
    'name: "net"\nkind: KIND_GPU\ndims: [ 1, 48, 56 ]\nstep {\n  model: "a"\n}\nstep {\n  model: "b"\n}\nempty {\n}\n',
  );
});

test("a text with quotes, backslashes and control characters stays one text on one line", () => {
  expect(textFormat({ name: 'a"b\\c\nd\u007fé\u0085' })).toBe('name: "a\\"b\\\\c\\012d\\177é\u0085"\n');
});
