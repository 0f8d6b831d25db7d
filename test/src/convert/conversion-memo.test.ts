import { describe, expect, test } from "vitest";
import { checkedOrNull } from "../../../processor/contract/parse-checked.js";
import { type ConversionMemo, recallFold } from "../../../src/convert/conversion-memo.js";

const digest = (digit: string) => digit.repeat(64);
const memoOf = (record: unknown): ConversionMemo => ({
  recall: async (_, check) => checkedOrNull(record, check),
  remember: async () => {},
});

describe("a fold is recalled", () => {
  test.each([
    { name: "whose weights float16 can represent", isWithinFloat16: true },
    { name: "whose weights float16 cannot represent", isWithinFloat16: false },
  ])("$name", async ({ isWithinFloat16 }) => {
    const record = { onnx: digest("a"), weights: digest("b"), isWithinFloat16 };
    expect(await recallFold(memoOf(record), "key")).toEqual(record);
  });
});

describe("a fold is converted again when the record", () => {
  test.each([
    { name: "is missing", record: null },
    {
      name: "is of a version that did not check float16",
      record: { onnx: digest("a"), weights: digest("b") },
    },
    {
      name: "contains an invalid digest",
      record: { onnx: digest("a"), weights: "b", isWithinFloat16: true },
    },
  ])("$name", async ({ record }) => {
    expect(await recallFold(memoOf(record), "key")).toBeNull();
  });
});
