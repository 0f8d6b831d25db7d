import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { writeLabelMap } from "../../../processor/imaging/formats/write-image.js";
import type { Geometry } from "../../../processor/imaging/volume/geometry.js";
import { main } from "../../../src/cli/main.js";
import { goldenPath } from "../../support/golden.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

const model = goldenPath("v2", "blobs_2d", "model");
const input = goldenPath("v2", "blobs_2d", "input", "blob_010_0000.nii.gz");

let folder = "";
let terminal: TestTerminal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "predict-parts-"));
  terminal = testTerminal(folder);
});

afterEach(() => rmSync(folder, { recursive: true }));

const predict = (...argv: readonly string[]): Promise<number> =>
  main(["predict", "-o", "out", "--model_path", model, "--device", "cpu", ...argv], terminal);
const written = (name = "out"): readonly string[] => readdirSync(join(folder, name)).sort();
const labelsOf = async (name: string) =>
  Array.from((await readImage(join(folder, "out", name))).voxels, Number);
const countOf = (labels: readonly number[]): number => labels.filter((label) => label > 0).length;

/** Writes a mask of the image's first half along z, on its own grid or another one. */
async function writeMask(path: string, voxels: Uint8Array, geometry: Geometry): Promise<string> {
  const file = join(folder, path);
  await writeLabelMap({ voxels, geometry }, file, { format: "nifti", path: "", nifti: null });
  return file;
}

describe("predict keeps parts of the segmentation by nnunet_serve's options", () => {
  test("the candidates of a class, with a suffix, the channels and the job's status", async () => {
    const words =
      "--class_idx 1 --proba_threshold 0.2 --suffix b --save_nifti_inputs --log_file log.json --job_id 7";
    expect(await predict("-i", input, ...words.split(" "))).toBe(0);
    expect(written()).toEqual([
      ...["blob_010_b.nii.gz", "blob_010_b_probabilities.nii.gz", "blob_010_b_volume_0000.nii.gz"],
    ]);
    expect([...new Set(await labelsOf("blob_010_b.nii.gz"))].sort()).toEqual([0, 1]);
    expect(JSON.parse(readFileSync(join(folder, "log.json"), "utf8"))).toEqual({
      ...{ job_id: "7", status: "done", output_log: "", output_error: "" },
    });
  });

  test("each case has its mask in a folder of masks", async () => {
    const { geometry, voxels } = await readImage(input);
    mkdirSync(join(folder, "masks"));
    await writeMask("masks/blob_010.nii.gz", new Uint8Array(voxels.length), geometry);
    const other = join(folder, "other_0000.nii.gz");
    copyFileSync(input, other);
    await writeMask("masks/other.nii.gz", new Uint8Array(voxels.length).fill(1), geometry);
    expect(await predict("-i", input, other, "--intersect-with", "masks")).toBe(0);
    expect(countOf(await labelsOf("blob_010.nii.gz"))).toBe(0);
    expect(countOf(await labelsOf("other.nii.gz"))).toBeGreaterThan(0);
  });

  test("a case without a mask stops the run before the first case", async () => {
    mkdirSync(join(folder, "masks"));
    expect(await predict("-i", input, "--intersect-with", "masks")).toBe(4);
    expect(terminal.printed.err).toContain("masks has none that is named blob_010");
  });

  test("only the box around a mask is segmented, with all labels", async () => {
    const { geometry, voxels } = await readImage(input);
    const mask = new Uint8Array(voxels.length);
    mask[Math.floor(voxels.length / 2)] = 1;
    const file = await writeMask("mask.nii.gz", mask, geometry);
    expect(await predict("-i", input, "--crop_from", file, "--crop_padding", "8", "8", "0")).toBe(0);
    const cropped = await labelsOf("blob_010.nii.gz");
    rmSync(join(folder, "out"), { recursive: true });
    expect(await predict("-i", input)).toBe(0);
    expect(countOf(cropped)).toBeLessThan(countOf(await labelsOf("blob_010.nii.gz")));
    expect(cropped.length).toBe(voxels.length);
  });

  test("small objects are removed", async () => {
    expect(await predict("-i", input, "--remove_objects_smaller_than", "100000")).toBe(0);
    expect(countOf(await labelsOf("blob_010.nii.gz"))).toBe(0);
  });

  test("DICOM results show the candidates, and a fractional one has their probabilities", async () => {
    const series = goldenPath("dicom", "sources", "ct_axial");
    const words = "--class_idx 1 --proba_threshold 0.0001 --proba_map --is_dicom --rt_struct_output";
    expect(await predict("-i", series, ...words.split(" "))).toBe(0);
    expect(written()).toEqual([
      ...["ct_axial.dcm", "ct_axial.nii.gz", "ct_axial_probabilities.dcm", "ct_axial_probabilities.nii.gz"],
      "ct_axial_struct.dcm",
    ]);
    for (const name of written()) expect(terminal.printed.out).toContain(join("out", name));
  });

  test("an empty segmentation removes the DICOM results of an earlier run", async () => {
    const series = goldenPath("dicom", "sources", "ct_axial");
    const words = "--dicom-seg binary,fractional --rt-structure-set".split(" ");
    expect(await predict("-i", series, ...words)).toBe(0);
    expect(written()).toEqual([
      ...["ct_axial.dcm", "ct_axial.nii.gz", "ct_axial_probabilities.dcm", "ct_axial_struct.dcm"],
    ]);
    const empty = ["--remove_objects_smaller_than", "1000000", "--overwrite"];
    expect(await predict("-i", series, ...words, ...empty)).toBe(0);
    expect(written()).toEqual(["ct_axial.nii.gz", "ct_axial_probabilities.dcm"]);
  });

  test.each([
    { argv: ["--proba_threshold", "0.2"], says: "no effect without --class_idx" },
    { argv: ["--fractional_as_segments", "--proba_map"], says: "no effect without --class_idx" },
    { argv: ["--class_idx", "1", "--mode", "fast"], says: "--class_idx needs the probabilities" },
    { argv: ["--crop_from", input, "--save-probabilities"], says: "cannot be used together" },
    { argv: ["--is_dicom"], says: "--is_dicom needs DICOM input" },
    { argv: ["--remove_objects_smaller_than", "1.5"], says: "a whole number of voxels" },
    { argv: ["--class_idx", "1", "--image", "some:image"], says: "cannot be used together" },
  ])("$argv: $says", async ({ argv, says }) => {
    expect(await predict("-i", input, ...argv)).toBe(2);
    expect(terminal.printed.err.replaceAll(/\s+/g, " ")).toContain(says);
  });

  test("a failure is reported with the words for it", async () => {
    copyFileSync(join(model, "dataset.json"), join(folder, "broken.nii.gz"));
    const words = "--failure_message bad --log_file log.json";
    expect(await predict("-i", "broken.nii.gz", ...words.split(" "))).toBe(4);
    const { status } = JSON.parse(readFileSync(join(folder, "log.json"), "utf8")) as { status: string };
    expect(status).toBe("bad");
  });
});
