import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { loadModel } from "../../processor/runtime/model/load-model.js";
import { checkSettingsForModel } from "../../src/config/check-settings.js";
import { loadConfig } from "../../src/config/load-config.js";
import { type ReadItem, readObject } from "../support/dicom/read-object.js";
import { goldenPath } from "../support/golden.js";
import { convertGolden } from "../support/model/convert.js";
import { type ProgramRun, runProgram } from "../support/programs/run-program.js";

const minutes = 60_000;
const scratch = mkdtempSync(join(tmpdir(), "dicom-results-"));
const modelDir = join(scratch, "model");
const series = goldenPath("dicom", "sources", "ct_axial");

beforeAll(async () => {
  await convertGolden({ name: "blobs_3d_fullres", outputDir: modelDir });
}, 5 * minutes);
afterAll(() => rmSync(scratch, { recursive: true }));

const build = (...args: readonly string[]): Promise<ProgramRun> => runProgram(args, { cwd: scratch });
const predict = (output: string, ...args: readonly string[]): Promise<ProgramRun> =>
  build(
    "predict",
    "--model-dir",
    modelDir,
    "--disable-tta",
    "--folds",
    "0",
    "-o",
    join(scratch, output),
    ...args,
  );

const segmentNames = (object: ReadItem) =>
  object.list("SegmentSequence").map((item) => item.text("SegmentLabel"));

describe("predict with a DICOM series", { timeout: 5 * minutes }, () => {
  test("writes a segmentation of the series beside the usual one, with the same voxels", async () => {
    const { exitCode, err } = await predict("binary", "-i", series);
    expect(exitCode, err).toBe(0);
    expect(readdirSync(join(scratch, "binary")).sort()).toEqual(["ct_axial.dcm", "ct_axial.nii.gz"]);
    const object = readObject(join(scratch, "binary", "ct_axial.dcm"));
    expect(segmentNames(object)).toEqual(["organ"]);
    const { voxels } = await readImage(join(scratch, "binary", "ct_axial.nii.gz"));
    const bits = [...object.bytes("PixelData")].reduce(
      (sum, byte) => sum + byte.toString(2).replaceAll("0", "").length,
      0,
    );
    expect(bits).toBe(Array.from(voxels, Number).filter((label) => label === 1).length);
  });

  test("writes label map, probabilities and structure set, described by a file", async () => {
    const metadata = join(scratch, "segments.json");
    writeFileSync(metadata, JSON.stringify({ algorithm_name: "Net", segment_names: ["Spleen", "Lesion"] }));
    const { exitCode, err } = await predict(
      "all",
      ...[
        "-i",
        series,
        "--dicom-seg",
        "labelmap,fractional",
        "--rt-structure-set",
        "--dicom-metadata",
        metadata,
      ],
    );
    expect(exitCode, err).toBe(0);
    const read = (name: string): ReadItem => readObject(join(scratch, "all", name));
    expect(read("ct_axial.dcm").text("SegmentationType")).toBe("LABELMAP");
    expect(segmentNames(read("ct_axial.dcm"))).toEqual(["Spleen"]);
    const probabilities = read("ct_axial_probabilities.dcm");
    expect(probabilities.text("SegmentationFractionalType")).toBe("PROBABILITY");
    expect(segmentNames(probabilities)).toEqual(["Spleen", "Lesion"]);
    expect(Math.max(...probabilities.bytes("PixelData"))).toBeGreaterThan(127);
    expect(read("ct_axial_struct.dcm").first("StructureSetROISequence").text("ROIName")).toBe("Spleen");
  });

  test("writes none if none is wanted, and none of an image that is not DICOM", async () => {
    const none = await predict("none", "-i", series, "--dicom-seg", "none");
    expect(none.exitCode, none.err).toBe(0);
    expect(readdirSync(join(scratch, "none"))).toEqual(["ct_axial.nii.gz"]);
    const input = goldenPath("v2", "blobs_3d_fullres", "input", "blob_010_0000.nii.gz");
    const nifti = await predict("nifti", "-i", input, "--rt-structure-set");
    expect(nifti.exitCode, nifti.err).toBe(0);
    expect(readdirSync(join(scratch, "nifti"))).toEqual(["blob_010.nii.gz"]);
  });

  test("refuses metadata and forms that cannot be, before it segments", async () => {
    const metadata = join(scratch, "wrong.json");
    writeFileSync(metadata, JSON.stringify({ algorithm_name: "Net", segment_names: ["Spleeen"] }));
    const wrongName = await predict("wrong", "-i", series, "--dicom-metadata", metadata);
    expect(wrongName.exitCode).toBe(2);
    expect(wrongName.err).toContain(
      'wrong.json: segment_names[0]: "Spleeen" is not a segment type of DICOM; the nearest is "Spleen"',
    );
    const twice = await predict("twice", "-i", series, "--dicom-seg", "binary,labelmap");
    expect(twice.exitCode).toBe(2);
    expect(twice.err).toContain("binary and labelmap have the same name");
  });
});

test("a build refuses metadata that does not describe every label", { timeout: 5 * minutes }, async () => {
  const { manifest } = await loadModel(modelDir, null);
  const check = (dicomMetadata: Readonly<Record<string, unknown>>) => () =>
    checkSettingsForModel({ ...manifest, settings: { ...manifest.settings, dicomMetadata } });
  expect(check({ algorithm_name: "Net", segment_names: ["Spleen", "Lesion"] })).not.toThrow();
  expect(check({ algorithm_name: "Net", segment_names: ["Spleen"] })).toThrow(
    "dicom: no segment for label 2 (lesion)",
  );
  expect(check({ segment_names: [] })).toThrow(expect.objectContaining({ code: "DICOM_METADATA_INVALID" }));
});

test("config.json may name a file of metadata", async () => {
  const metadata = { algorithm_name: "Net", segment_names: ["Spleen"] };
  writeFileSync(join(scratch, "own.json"), `\ufeff${JSON.stringify(metadata)}`);
  const config = join(scratch, "with-file.json");
  writeFileSync(config, JSON.stringify({ dicom: { path: "own.json" }, dicom_seg: ["binary", "fractional"] }));
  const { settings } = await loadConfig(config);
  expect(settings.dicomMetadata).toEqual(metadata);
  expect(settings.dicomSegmentations).toEqual(["binary", "fractional"]);
  writeFileSync(config, JSON.stringify({ dicom: { path: "missing.json" } }));
  await expect(loadConfig(config)).rejects.toThrow(
    expect.objectContaining({ code: "DICOM_METADATA_INVALID" }),
  );
});

test("init writes a template for the model's labels, and names it in config.json", {
  timeout: 5 * minutes,
}, async () => {
  const model = goldenPath("v2", "blobs_3d_fullres", "model");
  const { exitCode, err } = await build("init", "--model-dir", model, "--dicom-metadata", "dicom.json");
  expect(exitCode, err).toBe(0);
  const config = JSON.parse(readFileSync(join(scratch, "config.json"), "utf8")) as {
    readonly dicom: unknown;
  };
  expect(config.dicom).toEqual({ path: "dicom.json" });
  const template = JSON.parse(readFileSync(join(scratch, "dicom.json"), "utf8")) as {
    readonly segmentAttributes: readonly (readonly {
      readonly labelID: number;
      readonly SegmentLabel: string;
    }[])[];
  };
  const segments = template.segmentAttributes
    .flat()
    .map(({ labelID, SegmentLabel }) => [labelID, SegmentLabel]);
  expect(segments).toEqual([
    [1, "organ"],
    [2, "lesion"],
  ]);
  const again = await build("init", "--model-dir", model, "--dicom-metadata", "dicom.json");
  expect(again.exitCode).toBe(2);
});
