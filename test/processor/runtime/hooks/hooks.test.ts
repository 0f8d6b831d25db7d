import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { LabelMap } from "../../../../processor/imaging/volume/label-map.js";
import { type Hooks, loadHooks } from "../../../../processor/runtime/hooks/hooks.js";
import { testImage } from "../../../support/images/test-image.js";

const scratch = mkdtempSync(join(tmpdir(), "hooks-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let count = 0;
function hooksOf(source: string): Promise<Hooks> {
  const file = join(scratch, `hooks-${count++}.mjs`);
  writeFileSync(file, source);
  return loadHooks(file);
}

const image = testImage([2, 3, 4]);
const labelMap: LabelMap = { voxels: new Uint8Array(24), geometry: image.geometry };
const context = { caseName: "case_7", outputFile: "out.nii.gz" };
const inputContext = { ...context, inputFile: "in.nii.gz", channel: 1 };

describe("hooks", () => {
  test("that a module does not export change nothing", async () => {
    const hooks = await hooksOf("export const isResultForImagePresent = () => true;");
    expect(await hooks.preProcessImage(image, inputContext)).toBe(image);
    expect(await hooks.postProcessImage(labelMap, image.source, context)).toBe(labelMap);
    expect(await hooks.isResultForImagePresent(context)).toBe(true);
  });

  test("receive the case, the file and the channel", async () => {
    const hooks = await hooksOf(
      "export const preProcessImage = (image, context) => ({ ...image, source: { ...image.source, path: JSON.stringify(context) } });",
    );
    const { source } = await hooks.preProcessImage(image, inputContext);
    expect(JSON.parse(source.path)).toEqual(inputContext);
  });

  test("may omit fields of an image's source that a file of the format would have", async () => {
    const hooks = await hooksOf(
      'export const preProcessImage = (image) => ({ ...image, source: { path: "made", format: "nifti" } });',
    );
    const { source } = await hooks.preProcessImage(image, inputContext);
    expect(source).toEqual({ path: "made", format: "nifti", nifti: null });
  });

  test("may be asynchronous, and may return nothing if they do not change the result", async () => {
    const hooks = await hooksOf("export async function postProcessImage() {}");
    expect(await hooks.postProcessImage(labelMap, image.source, context)).toBe(labelMap);
  });
});

describe("a fault in a user's module", () => {
  test.each([
    ["a syntax error", "export const = 1;", "does not load"],
    ["no hook", "export const preprocess = () => {};", "exports none of"],
    [
      "a hook that is not a function",
      "export const preProcessImage = 5;",
      "preProcessImage is not a function",
    ],
  ])("%s is refused when it is loaded", async (_, source, message) => {
    await expect(hooksOf(source)).rejects.toMatchObject({
      code: "HOOK_INVALID",
      message: expect.stringContaining(message),
    });
  });

  test.each([
    ["nothing", "() => {}", "returned something that is not an image"],
    [
      "too few voxels",
      "(image) => ({ ...image, voxels: image.voxels.subarray(1) })",
      "23 values for 2 × 3 × 4",
    ],
  ])("an image hook that returns %s is reported with the case", async (_, body, message) => {
    const hooks = await hooksOf(`export const preProcessImage = ${body};`);
    await expect(hooks.preProcessImage(image, inputContext)).rejects.toMatchObject({
      code: "HOOK_FAILED",
      message: expect.stringMatching(`^case_7: .*${message}`),
    });
  });

  test.each([
    [
      "too few labels",
      "({ labelMap }) => ({ ...labelMap, voxels: labelMap.voxels.subarray(1) })",
      "23 labels",
    ],
    ["floats", "({ labelMap }) => ({ ...labelMap, voxels: new Float32Array(24) })", "not a label map"],
  ])("a result hook that returns %s is reported with the case", async (_, body, message) => {
    const hooks = await hooksOf(`export const postProcessImage = ${body};`);
    await expect(hooks.postProcessImage(labelMap, image.source, context)).rejects.toMatchObject({
      code: "HOOK_FAILED",
      message: expect.stringMatching(`^case_7: .*${message}`),
    });
  });

  test("an exception that is not an Error keeps its text", async () => {
    const hooks = await hooksOf("export function isResultForImagePresent() { throw 'no network drive'; }");
    await expect(hooks.isResultForImagePresent(context)).rejects.toMatchObject({
      code: "HOOK_FAILED",
      message: expect.stringContaining("no network drive"),
    });
  });
});
