import { describe, expect, test } from "vitest";
import { serveOptions } from "../../../src/predict/nnunet-serve/options.js";
import { parseServeArguments } from "../../../src/predict/nnunet-serve/parse-arguments.js";
import { serveRequest } from "../../../src/predict/nnunet-serve/serve-request.js";

const request = (line: string, environment: Readonly<Record<string, string>> = {}) =>
  serveRequest(parseServeArguments(line.split(" ").filter((word) => word !== "")), environment);
const needed = "-i a.nii.gz -m model -o out";

describe("each option of nnunet_serve has its meaning", () => {
  test.each([
    { line: "", says: { folds: ["0"], checkpointName: "checkpoint_best.pth", usesTta: false } },
    {
      line: "",
      says: { suffix: null, refinement: { candidates: null, reference: null }, savesInputs: false },
    },
    { line: "--checkpoint_name x.pth", says: { checkpointName: "x.pth" } },
    { line: "-ckpt checkpoint_final.pth", says: { checkpointName: "checkpoint_final.pth" } },
    { line: "-f 0 1 2 3 4", says: { folds: ["0", "1", "2", "3", "4"] } },
    { line: "--folds all", says: { folds: ["all"] } },
    { line: "-t", says: { usesTta: true } },
    { line: "--tta", says: { usesTta: true } },
    { line: "--tmp_dir scratch", says: { temporaryFolder: "scratch" } },
    { line: "-S", says: { savesInputs: true } },
    { line: "--save_nifti_inputs", says: { savesInputs: true } },
    { line: "--suffix left", says: { suffix: "left" } },
    { line: "--device cpu", says: { device: "cpu" } },
    { line: "-c image:1", says: { dockerImage: "image:1" } },
    { line: "--debug", says: { isDebugging: true } },
    { line: "--study_uid 1.2.3", says: { notes: ["--study_uid has no effect: no file is named after it"] } },
    {
      line: "--class_idx 1",
      says: { refinement: { candidates: { classes: [1], threshold: 0.1, minConfidence: null } } },
    },
    {
      line: "--class_idx 2 --proba_threshold 0.3 --min_confidence .5",
      says: { refinement: { candidates: { classes: [2], threshold: 0.3, minConfidence: 0.5 } } },
    },
    {
      line: "--intersect_with m.nii.gz",
      says: { refinement: { reference: { path: "m.nii.gz", minIntersection: 0.1 } } },
    },
    {
      line: "--intersect_with m.nii.gz --min_intersection 0.6",
      says: { refinement: { reference: { path: "m.nii.gz", minIntersection: 0.6 } } },
    },
    {
      line: "--crop_from m.nii.gz",
      says: { refinement: { crop: { path: "m.nii.gz", marginXyz: [10, 10, 10] } } },
    },
    {
      line: "--class_idx 1 --crop_from m.nii.gz --crop_padding 5 0 2",
      says: { refinement: { crop: { path: "m.nii.gz", marginXyz: [5, 0, 2] } } },
    },
    { line: "--remove_objects_smaller_than 0.8", says: { refinement: { smallestObject: 0.8 } } },
  ])("$line", ({ line, says }) => {
    expect(request(`${needed} ${line}`)).toMatchObject(says);
  });

  test.each([
    { line: "-D", says: { isRequired: true } },
    { line: "-d", says: { isRequired: true } },
    { line: "--is_dicom", says: { isRequired: true } },
    { line: "-M meta.json", says: { metadataPath: "meta.json", fractionalMetadataPath: null } },
    { line: "--metadata_path meta.json", says: { metadataPath: "meta.json" } },
    { line: "--empty_segment_metadata e.json", says: { emptySegmentMetadata: "e.json" } },
    { line: "-p", says: { writesFractional: false } },
    { line: "-p --class_idx 1", says: { writesFractional: true, fractionalAsSegments: false } },
    { line: "-p --class_idx 1 --fractional_as_segments", says: { fractionalAsSegments: true } },
    { line: "-p --fractional_metadata_path f.json", says: { fractionalMetadataPath: "f.json" } },
    { line: "--rt_struct_output", says: { writesStructures: true } },
    { line: "--fractional_metadata_path f.json --proba_map", says: { fractionalMetadataPath: "f.json" } },
  ])("$line is about DICOM", ({ line, says }) => {
    expect(request(`${needed} ${line}`).dicom).toMatchObject(says);
  });

  test.each([
    { line: "", says: { jobId: null, updateUrl: null, successMessage: "done", failureMessage: "failed" } },
    { line: "--job_id 7", says: { jobId: "7" } },
    { line: "--update_url http://host/jobs", says: { updateUrl: "http://host/jobs", encoding: "json" } },
    { line: "--update_url skip", says: { updateUrl: null } },
    { line: "--update_url http://host --update_encoding form", says: { encoding: "form" } },
    {
      line: "--success_message ok --failure_message bad",
      says: { successMessage: "ok", failureMessage: "bad" },
    },
    { line: "--log_file log.json", says: { logFile: "log.json" } },
  ])("$line is about the job", ({ line, says }) => {
    expect(request(`${needed} ${line}`).job).toMatchObject(says);
  });

  test("paths after -i are the channels of one case, and SERIES_PATHS replaces them", () => {
    const line = "-m model -o out/ -i t2 dwi adc";
    expect(request(line)).toMatchObject({ seriesPaths: ["t2", "dwi", "adc"], outputDir: "out" });
    const replaced = request(line, { SERIES_PATHS: "x y" });
    expect(replaced.seriesPaths).toEqual(["x", "y"]);
    expect(replaced.notes).toEqual(["the variable SERIES_PATHS replaces --series_paths (-i)"]);
  });

  test("options may be shortened, joined, or written with = and with dashes", () => {
    const line = "--series=a --model-path=m -o./out -DtS -f0 --proba_m";
    expect(request(line)).toMatchObject({
      ...{ seriesPaths: ["a"], modelPath: "m", outputDir: "./out", usesTta: true, savesInputs: true },
      dicom: { isRequired: true },
    });
  });
});

describe("a mistake is named, with the nearest option", () => {
  test.each([
    {
      line: `${needed} --min_confidense 1`,
      says: "no option --min_confidense; did you mean --min_confidence?",
    },
    { line: `${needed} --prob_map`, says: "no option --prob_map; did you mean --proba_map?" },
    { line: `${needed} -ckp x`, says: "no option -ckp" },
    { line: `${needed} -chk x`, says: "no option -chk" },
    { line: `${needed} -step_size 1`, says: "no option -step_size" },
    { line: `${needed} -tr x`, says: "no option -tr" },
    { line: `${needed} -x`, says: "no option -x" },
    { line: `${needed} --min 0.1`, says: "--min can be --min_confidence or --min_intersection" },
    { line: "-m model -o out", says: "--series_paths (-i) is missing" },
    { line: "-i a -o out", says: "--model_path (-m) is missing" },
    { line: "-i a -m model", says: "--output_dir (-o) is missing" },
    { line: "-i -m model -o out", says: "--series_paths (-i) needs a value" },
    { line: "-i a -i b -m model -o out", says: "write all values after one of them" },
    { line: `${needed} -m other`, says: "--model_path (-m) is given twice" },
    { line: `x ${needed}`, says: "nothing takes the argument x" },
    { line: `${needed} --suffix a/b`, says: "--suffix a/b: only letters" },
    { line: `${needed} --suffix .a`, says: "no dot at its start" },
    { line: `${needed} -f x`, says: "--folds (-f): x is not a number, nor all" },
    { line: `${needed} --class_idx -1`, says: "--class_idx must be the number of a class, but is -1" },
    { line: `${needed} --class_idx 1 --proba_threshold 2`, says: "a number from 0 to 1, but is 2" },
    { line: `${needed} --min_confidence 0.5`, says: "--min_confidence has no effect without --class_idx" },
    { line: `${needed} --proba_threshold 0.5`, says: "--proba_threshold has no effect without --class_idx" },
    { line: `${needed} --min_intersection 0.5`, says: "has no effect without --intersect_with" },
    { line: `${needed} --fractional_as_segments`, says: "has no effect without --proba_map" },
    { line: `${needed} --fractional_metadata_path f`, says: "has no effect without --proba_map" },
    { line: `${needed} --update_encoding form`, says: "has no effect without --update_url" },
    { line: `${needed} --update_url ftp://host`, says: "must be an address" },
    {
      line: `${needed} --class_idx 1 --remove_objects_smaller_than 20`,
      says: "--remove_objects_smaller_than has no effect with --class_idx",
    },
    { line: `${needed} --remove_objects_smaller_than 2.5`, says: "a whole number of voxels, but is 2.5" },
    { line: `${needed} --crop_padding 1 1 1`, says: "--crop_padding has no effect without --crop_from" },
    {
      line: `${needed} --class_idx 1 --crop_from m --crop_padding 1 2`,
      says: "--crop_padding must be three whole numbers, but is 1 2",
    },
    { line: `${needed} --device tpu`, says: "--device tpu: it takes auto or cpu or cuda" },
    { line: `${needed} --tta=yes`, says: "--tta is a switch" },
  ])("$line", ({ line, says }) => {
    expect(() => request(line)).toThrow(says);
  });
});

test("no two options have the same name", () => {
  const names = serveOptions.flatMap((option) => [option.name, ...("short" in option ? [option.short] : [])]);
  expect(new Set(names).size).toBe(names.length);
});
