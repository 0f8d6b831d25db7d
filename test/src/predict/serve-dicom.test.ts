import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringOf } from "../../../processor/imaging/dicom/element-values.js";
import { readDicomFile } from "../../../processor/imaging/dicom/read-dicom-file.js";
import { tags } from "../../../processor/imaging/dicom/tags.js";
import { main } from "../../../src/cli/main.js";
import { goldenPath } from "../../support/golden.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

const model = goldenPath("v2", "blobs_2d", "model");
const series = goldenPath("dicom", "sources", "ct_axial");
const image = goldenPath("v2", "blobs_2d", "input", "blob_010_0000.nii.gz");

let folder = "";
let terminal: TestTerminal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "serve-dicom-"));
  terminal = testTerminal(folder);
});

afterEach(() => rmSync(folder, { recursive: true }));

const run = (...argv: readonly string[]): Promise<number> =>
  main(
    [
      ...["predict-nnunet-serve", "-o", "out", "-m", model, "-ckpt", "checkpoint_final.pth"],
      ...["--device", "cpu", ...argv],
    ],
    terminal,
  );
const written = (): readonly string[] => readdirSync(join(folder, "out")).sort();

/** A template as dcmqi's web page makes it, for a label 1. */
const template = (label: string) => ({
  SeriesDescription: "From a template",
  SeriesNumber: "300",
  InstanceNumber: "1",
  segmentAttributes: [
    [
      {
        labelID: 1,
        SegmentLabel: label,
        SegmentedPropertyCategoryCodeSequence: {
          CodeValue: "123037004",
          CodingSchemeDesignator: "SCT",
          CodeMeaning: "Anatomical Structure",
        },
        SegmentedPropertyTypeCodeSequence: {
          CodeValue: "41216001",
          CodingSchemeDesignator: "SCT",
          CodeMeaning: "Prostate",
        },
      },
    ],
  ],
});

const textOf = async (name: string, tag: number): Promise<string | null> => {
  const file = await readDicomFile(join(folder, "out", name));
  return stringOf(file!.dataSet, tag);
};

describe("a DICOM series becomes DICOM results under nnunet_serve's names", () => {
  test("in the study of the series", async () => {
    expect(await run("-i", series, "-D", "-S", "--rt_struct_output")).toBe(0);
    expect(written()).toEqual([
      ...["prediction.dcm", "prediction.nii.gz", "probabilities.nii.gz", "struct.dcm", "volume_0000.nii.gz"],
    ]);
    const [first = ""] = readdirSync(series);
    const source = await readDicomFile(join(series, first));
    const study = stringOf(source!.dataSet, tags.StudyInstanceUID);
    expect(await textOf("prediction.dcm", tags.StudyInstanceUID)).toBe(study);
    expect(await textOf("struct.dcm", tags.StudyInstanceUID)).toBe(study);
    expect(terminal.printed.out).toContain(join(folder, "out/prediction.dcm"));
  });

  test("described by a template, with the probabilities of a class", async () => {
    writeFileSync(join(folder, "meta.json"), JSON.stringify(template("Lesion")));
    const options = ["--class_idx", "0", "-p", "-M", "meta.json", "--suffix", "x", "--rt_struct_output"];
    expect(await run("-i", series, ...options)).toBe(0);
    expect(written()).toEqual([
      ...["prediction_x.dcm", "prediction_x.nii.gz", "proba_x.dcm", "proba_x.nii.gz", "struct_x.dcm"],
    ]);
    expect(await textOf("prediction_x.dcm", tags.SeriesDescription)).toBe("From a template");
  });

  test("the probabilities as segments, with a template of their own", async () => {
    writeFileSync(join(folder, "frac.json"), JSON.stringify(template("Lesion 0-100%")));
    const options = ["--class_idx", "0", "-p", "--fractional_as_segments"];
    expect(await run("-i", series, ...options, "--fractional_metadata_path", "frac.json")).toBe(0);
    expect(written()).toContain("probabilities.dcm");
  });

  test("an empty segmentation has none, and those of an earlier job are removed", async () => {
    const empty = ["--class_idx", "1", "--proba_threshold", "1", "--log_file", "log.json"];
    expect(await run("-i", series)).toBe(0);
    expect(written()).toContain("prediction.dcm");
    const old = new Date(2020, 1);
    utimesSync(join(folder, "out/prediction.dcm"), old, old);
    expect(await run("-i", series, ...empty)).toBe(0);
    expect(written()).toEqual(["prediction.nii.gz", "probabilities.nii.gz"]);
    expect(terminal.printed.err).toContain("no voxel was segmented, so there is no DICOM segmentation");
  });

  test("an empty segmentation has them with a template for it", async () => {
    writeFileSync(join(folder, "empty.json"), JSON.stringify(template("Nothing")));
    const empty = ["--class_idx", "1", "--proba_threshold", "1", "--empty_segment_metadata", "empty.json"];
    expect(await run("-i", series, ...empty, "--proba_map")).toBe(0);
    expect(written()).toContain("prediction.dcm");
    expect(written()).toContain("probabilities.dcm");
  });
});

describe("a request that cannot be met is refused before the model is converted", () => {
  test.each([
    { argv: ["-i", image, "--gantry_tilt", "ignore"], code: 2, says: "--gantry_tilt needs DICOM input" },
    { argv: ["-i", series, "--gantry_tilt", "x"], code: 2, says: "--gantry_tilt must be refuse or ignore" },
    { argv: ["-i", series, image], code: 4, says: "DICOM series and other images cannot be channels" },
    { argv: ["-i", series, "-M", "gone.json"], code: 2, says: "gone.json" },
  ])("$says", async ({ argv, code, says }) => {
    expect(await run(...argv)).toBe(code);
    expect(terminal.printed.err).toContain(says);
    expect(existsSync(join(folder, "out"))).toBe(false);
  });

  test("a folder without images", async () => {
    expect(await run("-i", folder)).toBe(4);
    expect(terminal.printed.err).toContain("has no DICOM series; of other formats, name the file");
  });

  test("two series for one channel", async () => {
    expect(await run("-i", series, series)).toBe(4);
    expect(terminal.printed.err).toContain("the model takes 1 (CT), but 2 were named: ct_axial, ct_axial");
  });
});

test("a folder with two series is refused with the option of this command line that chooses one", async () => {
  expect(await run("-i", goldenPath("dicom", "read", "two_series", "input"))).toBe(4);
  expect(terminal.printed.err).toContain("there are 2 series: ");
  expect(terminal.printed.err).toContain("--series_uid UID chooses one of them.");
});
