import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { choosePartsToLeaveOut, type PartsWish } from "../../../src/base-image/parts.js";

let scratch: string;
let notes: string[];
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "parts-"));
  notes = [];
});
afterEach(() => rmSync(scratch, { recursive: true }));

const choose = (wish: Partial<PartsWish> = {}) =>
  choosePartsToLeaveOut({
    named: [],
    isOwn: true,
    variant: "cpu",
    inferenceEngine: "auto",
    platform: "linux/amd64",
    cacheFolder: scratch,
    findIndex: async () => new URL("https://index.example/simple"),
    onNote: (text) => notes.push(text),
    ...wish,
  });

test("an image for CPUs has every part", async () => {
  expect(await choose()).toEqual([]);
  expect(notes).toEqual([]);
});

test("a part that the user names is left out, without asking for an index", async () => {
  const findIndex = () => Promise.reject(new Error("asked"));
  expect(await choose({ named: ["openvino"], findIndex })).toEqual(["openvino"]);
  expect(notes).toEqual([]);
});

test("a part that cannot be downloaded, because no index is known, is left out with a note", async () => {
  expect(await choose({ findIndex: async () => null })).toEqual(["openvino"]);
  expect(notes).toEqual([expect.stringMatching(/^building without openvino.*PIP_INDEX_URL$/)]);
});

test("images for GPUs and images on a base of the user's own have no parts", async () => {
  expect(await choose({ variant: "cuda13" })).toEqual([]);
  expect(await choose({ isOwn: false })).toEqual([]);
  await expect(choose({ isOwn: false, named: ["openvino"] })).rejects.toMatchObject({ code: "USAGE" });
});

test("an image for ONNX Runtime alone has no OpenVINO", async () => {
  expect(await choose({ inferenceEngine: "onnxruntime" })).toEqual(["openvino"]);
  expect(notes).toEqual([]);
});

test("an image that needs OpenVINO is refused without it", async () => {
  expect(await choose({ inferenceEngine: "openvino" })).toEqual([]);
  const without = choose({ inferenceEngine: "openvino", named: ["openvino"] });
  await expect(without).rejects.toMatchObject({ code: "USAGE" });
  const nowhere = choose({ inferenceEngine: "openvino", findIndex: async () => null });
  await expect(nowhere).rejects.toMatchObject({ code: "PACKAGE_INDEX_UNKNOWN" });
});
