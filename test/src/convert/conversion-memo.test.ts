import { describe, expect, test } from "vitest";
import { recallFold } from "../../../src/convert/conversion-memo.js";

const digest = (digit: string) => digit.repeat(64);
const memoOf = (record: unknown) => ({ recall: async () => record, remember: async () => {} });

describe("a fold is recalled", () => {
  test.each([
    { name: "with its float16 graph", gpuOnnx: digest("c") },
    { name: "without one, where float16 can't hold a weight", gpuOnnx: null },
  ])("$name", async ({ gpuOnnx }) => {
    const record = { onnx: digest("a"), weights: digest("b"), gpuOnnx };
    expect(await recallFold(memoOf(record), "key")).toEqual(record);
  });
});

describe("a fold is converted again when the record", () => {
  test.each([
    { name: "is not there", record: null },
    {
      name: "is of a version without float16 graphs",
      record: { onnx: digest("a"), weights: digest("b") },
    },
    {
      name: "holds what is no digest",
      record: { onnx: digest("a"), weights: "b", gpuOnnx: null },
    },
  ])("$name", async ({ record }) => {
    expect(await recallFold(memoOf(record), "key")).toBeNull();
  });
});
