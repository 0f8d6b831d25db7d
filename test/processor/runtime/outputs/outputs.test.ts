import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { LabelDefinition } from "../../../../processor/contract/manifest.js";
import { extentText } from "../../../../processor/imaging/volume/extent.js";
import type { CaseReport } from "../../../../processor/runtime/cases/case.js";
import { countLabels } from "../../../../processor/runtime/outputs/count-labels.js";
import { writeJsonOutput } from "../../../../processor/runtime/outputs/json-output.js";
import { openProbabilityFile } from "../../../../processor/runtime/outputs/probability-file.js";
import { writeResultsJson } from "../../../../processor/runtime/outputs/results-json.js";
import { testImage } from "../../../support/images/test-image.js";
import { planOfPatch, preparedVolume } from "../../../support/model/inference-case.js";
import { readNpz } from "../../../support/model/read-npz.js";

const scratch = mkdtempSync(join(tmpdir(), "outputs-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(scratch, "output-"));
});

const labels: LabelDefinition = {
  names: [
    { name: "background", value: 0 },
    { name: "liver", value: 1 },
    { name: "tumour", value: 3 },
  ],
  foregroundLabels: [1, 3],
  regionsClassOrder: null,
  ignoreLabel: null,
};

describe("labels are counted", () => {
  test("in voxels and millilitres, also those that are absent", () => {
    const { geometry } = testImage([2, 2, 3], { spacingMmZyx: [2, 0.5, 10] });
    const voxels = Uint8Array.from([0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1, 1]);
    expect(countLabels({ voxels, geometry }, labels)).toEqual([
      // 5 voxels of 10 mm³.
      { label: 1, name: "liver", voxels: 5, millilitres: 0.05 },
      { label: 3, name: "tumour", voxels: 0, millilitres: 0 },
    ]);
  });
});

describe("a flat image has an area and no volume", () => {
  const { geometry } = testImage([1, 2, 3], { spacingMmZyx: [999, 0.5, 2] });
  const flat = {
    geometry: { ...geometry, dimensions: 2 },
    voxels: Uint8Array.from([0, 1, 1, 0, 1, 0]),
  } as const;
  const counts = countLabels(flat, labels);
  const output = { relativePath: "organs.json", label: null } as const;

  test("which is in square millimetres", () => {
    expect(counts).toEqual([
      { label: 1, name: "liver", voxels: 3, squareMillimetres: 3 },
      { label: 3, name: "tumour", voxels: 0, squareMillimetres: 0 },
    ]);
    expect(extentText(counts[0]!, 1)).toBe("3.0 mm²");
  });

  test("a file of volumes is refused, one of voxels is written", async () => {
    await expect(writeJsonOutput({ ...output, content: "volumes_ml" }, counts, folder)).rejects.toMatchObject(
      {
        code: "CONFIG_INVALID",
        message: expect.stringContaining("a flat image has none"),
      },
    );
    await writeJsonOutput({ ...output, content: "voxel_counts" }, counts, folder);
    expect(JSON.parse(readFileSync(join(folder, "organs.json"), "utf8"))).toEqual({ liver: 3, tumour: 0 });
  });
});

describe("results.json", () => {
  test("has an entry for each case, with a mask or the reason why there is none", async () => {
    const report = { seconds: {}, outputFile: join(folder, "images", "a.mha") } as const;
    const error = { code: "IMAGE_TRUNCATED", message: "b ends early", help: "copy it again" } as const;
    const reports: readonly CaseReport[] = [
      { ...report, name: "a", status: "done" },
      { ...report, name: "b", status: "failed", error },
      { ...report, name: "c", status: "done", warnings: ["3 voxels were NaN"] },
    ];
    writeFileSync(join(folder, "results.json"), "an earlier run's");
    await writeResultsJson(folder, reports);
    expect(JSON.parse(readFileSync(join(folder, "results.json"), "utf8"))).toEqual([
      { entity: "a", metrics: { segmentation: "filepath:images/a.mha" }, error_messages: [] },
      { entity: "b", metrics: {}, error_messages: ["IMAGE_TRUNCATED: b ends early"] },
      {
        entity: "c",
        metrics: { segmentation: "filepath:images/a.mha" },
        error_messages: [],
        warnings: ["3 voxels were NaN"],
      },
    ]);
    expect(readdirSync(folder)).toEqual(["results.json"]);
  });
});

describe("a file of probabilities", () => {
  const heads = 2;
  /** A 2 × 2 × 3 grid, transposed by [2, 0, 1] and cropped to one slice, two rows and one column. */
  const plan = {
    ...planOfPatch([4, 4, 4]),
    transposeForward: [2, 0, 1],
    transposeBackward: [1, 2, 0],
  } as const;
  const history = {
    ...preparedVolume([], [2, 2, 3], 1).history,
    sizeBeforeCroppingZyx: [3, 2, 2] as const,
    cropBoxZyx: [
      [1, 2],
      [0, 2],
      [1, 2],
    ] as const,
    sizeAfterCroppingZyx: [1, 2, 1] as const,
  };
  const open = (path: string, nnunetVersion: 1 | 2 = 2) =>
    openProbabilityFile(path, { nnunetVersion, heads, history, plan, labels });

  test("probabilities are on the image's own grid, and background is certain outside the crop", async () => {
    const path = join(folder, "a.npz");
    const file = await open(path);
    await file.writeSlice(0, Float32Array.from([0.25, 0.5, 0.75, 0.5]));
    await file.finish();
    await file.discard();
    const { shape, data } = readNpz(path, "probabilities");
    expect(shape).toEqual([2, 2, 2, 3]);
    // Transposed (1, 0, 1) and (1, 1, 1) are z y x = (0, 1, 1) and (1, 1, 1).
    expect([...data.subarray(0, 12)]).toEqual([1, 1, 1, 1, 0.25, 1, 1, 1, 1, 1, 0.5, 1]);
    expect([...data.subarray(12)]).toEqual([0, 0, 0, 0, 0.75, 0, 0, 0, 0, 0, 0.5, 0]);
    expect(readdirSync(folder)).toEqual(["a.npz"]);
  });

  test("contains the cropped image in float16 for a model of v1", async () => {
    const path = join(folder, "a.npz");
    const file = await open(path, 1);
    await file.writeSlice(0, Float32Array.from([0.25, 0.1, 0.75, 0.9]));
    await file.finish();
    await file.discard();
    const { shape, data } = readNpz(path, "softmax");
    expect(shape).toEqual([2, 2, 1, 1]);
    expect([...data]).toEqual([0.25, 0.0999755859375, 0.75, 0.89990234375]);
  });

  test("that is abandoned leaves no file, and does not change an earlier one", async () => {
    const path = join(folder, "a.npz");
    writeFileSync(path, "earlier");
    const file = await open(path);
    await file.writeSlice(0, new Float32Array(4));
    await file.discard();
    expect(readdirSync(folder)).toEqual(["a.npz"]);
    expect(readFileSync(path, "utf8")).toBe("earlier");
  });

  test("in a folder that does not exist is an error of the output", async () => {
    await expect(open(join(folder, "missing", "a.npz"))).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
  });
});
