import { describe, expect, test } from "vitest";
import { targetOf } from "../../../src/targets/platform.js";

const ours = "org.nnunet-processor.target";
const theirs = "org.grand-challenge.api-method";

describe("the target that an image was built for", () => {
  test.each([
    [{ [ours]: "amos22" }, "amos22"],
    [{ [ours]: "sol", other: "1" }, "sol"],
    [{ [ours]: "plain", [theirs]: "invoke" }, "grand-challenge"],
    [{ [ours]: "moon" }, "grand-challenge"],
    [{}, "grand-challenge"],
  ])("is by the labels %j: %s", (labels, target) => {
    expect(targetOf(labels)).toBe(target);
  });
});
