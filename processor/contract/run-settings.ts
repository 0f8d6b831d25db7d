import { dicomResultTable } from "./dicom-result-settings.js";
import { dicomTable } from "./dicom-settings.js";
import { about, type Checked, orNull, record, text } from "./json-check.js";
import {
  choice,
  fraction,
  olderKey,
  onOff,
  orNone,
  setting,
  wholeNumber,
  wordByName,
  wordList,
  words,
} from "./setting.js";
import { taskTable } from "./totalsegmentator-settings.js";

/** Settings of every run: how networks run over a case, and how their answer is brought back to the image's grid. */
const runTable = {
  useTestTimeAugmentation: setting({
    value: onOff,
    key: "use_test_time_augmentations",
    flag: "use-tta",
    offFlag: "disable-tta",
    on: ["build", "predict", "image"],
    default: false,
    predictDefault: true,
    about:
      "average the predictions for mirrored images, as nnU-Net does by default; without it, a run is 8 times faster in 3-D and 4 times in 2-D, but slightly less accurate",
    more: "Default: false, as in build_processor.py; `init` writes true.",
    older: olderKey("use_tta", {
      value: onOff,
      description: "Short name of `use_test_time_augmentations`. Use only one of the two.",
      means: (isUsed) => isUsed,
    }),
  }),
  stepSize: setting({
    value: fraction,
    key: "step_size",
    flag: "step-size",
    on: ["build", "predict", "image"],
    default: 0.5,
    about:
      "distance between windows as a fraction of the patch size; 0.5 is half a patch, 1 means no overlap",
    more: "It overrides `use_overlap`.",
    older: olderKey("use_overlap", {
      value: onOff,
      default: true,
      description:
        "Overlap neighbouring windows by half. False means `step_size` 1, which is faster but can leave seams.",
      means: (overlaps) => (overlaps ? 0.5 : 1),
    }),
  }),
  device: setting({
    value: choice("auto", "cpu", "cuda"),
    key: "device",
    flag: "device",
    on: ["build", "predict", "image"],
    default: "auto",
    about:
      "where the network runs: auto uses CUDA if the machine has it, cuda fails without it; an image for cuda is built on the base image with CUDA",
  }),
  precision: setting({
    value: choice("auto", "float16", "float32", "bfloat16"),
    key: "precision",
    flag: "precision",
    on: ["build", "predict", "image"],
    default: "auto",
    about:
      "number format that the network computes in; auto is float16 on a GPU, as in nnU-Net, and float32 on the CPU; bfloat16 is for CPUs with instructions for it",
    more: "Windows that overflow in float16 are computed in float32. `bfloat16` needs AMX or AVX512_BF16 and OpenVINO; it is faster and less exact.",
  }),
  inferenceEngine: setting({
    value: choice("auto", "onnxruntime", "openvino"),
    key: "inference_engine",
    flag: "inference-engine",
    on: ["build", "predict", "image"],
    default: "auto",
    olderManifest: "auto",
    about: "program that computes networks on a CPU; auto takes the faster one of those that are installed",
    more: "docs/reference/inference-engines.md compares them. `openvino` fails if it is missing or does not run the network.",
  }),
  threads: setting({
    value: orNone(wholeNumber(1, 1024)),
    key: "threads",
    flag: "threads",
    on: ["predict", "image"],
    default: null,
    olderManifest: null,
    defaultWords: "the cores that the process may use",
    about: "threads that compute the network on a CPU",
  }),
  exportMode: setting({
    value: choice("normal", "fast", "fastest"),
    key: "export_mode",
    flag: "mode",
    on: ["predict"],
    default: "normal",
    about:
      "export mode of nnU-Net v1: fast and fastest resample labels instead of probabilities, which saves memory and time, but is less exact",
    more: "`fast` takes the largest value on the network's grid and resamples the labels linearly; `fastest` takes the nearest label. Both work for a single model without regions.",
  }),
};

/** Settings of an image besides: where its cases come from, and what it writes. */
const imageTable = {
  inputDir: setting({
    value: words("DIR", "a folder"),
    key: "inputdir",
    flag: "inputdir",
    shortFlag: "i",
    on: ["image"],
    default: "/input",
    about: "folder in the container with the images",
    configSchema: { type: "string", minLength: 1 },
  }),
  outputDir: setting({
    value: words("DIR", "a folder"),
    key: "outputdir",
    flag: "outputdir",
    shortFlag: "o",
    on: ["image"],
    default: "/output",
    about: "folder in the container for the results",
    configSchema: { type: "string", minLength: 1 },
  }),
  overlayDestination: setting({
    value: words("NAME", "a path below the output folder"),
    key: "overlay_destination",
    flag: "overlay-destination",
    on: ["image"],
    default: "images",
    about: "folder below outputdir for the segmentations",
    configSchema: {
      type: "string",
      pattern: "^(?!/)(?!.*(^|/)\\.\\.(/|$)).+$",
      $comment: "a path below the output folder, without ..",
    },
  }),
  allowedExtensions: setting({
    value: wordList("A,B", "file name endings"),
    key: "allowed_extensions",
    flag: "allowed-extensions",
    on: ["image"],
    default: ["mha"],
    about: "file name endings of the images to segment, without the leading dot: mha, nii.gz, …",
    configSchema: {
      type: "array",
      items: {
        type: "string",
        enum: [
          ...["mha", "mhd", "nii", "nii.gz", "nrrd", "nhdr"],
          ...["gipl", "gipl.gz", "png", "bmp", "tif", "tiff"],
        ],
      },
      minItems: 1,
      uniqueItems: true,
    },
  }),
  outputExtension: setting({
    value: words("EXT", "a file name ending"),
    key: "output_extension",
    flag: "output-extension",
    on: ["image"],
    default: "mha",
    about:
      "file name ending of the segmentations, without the leading dot, which chooses their format: mha, nii.gz, nii, nrrd, gipl, png, …",
    configSchema: {
      type: "string",
      enum: ["mha", "nii.gz", "nii", "nrrd", "gipl", "gipl.gz", "png", "bmp", "tif", "tiff"],
    },
  }),
  inputChannels: setting({
    value: orNone(wordByName),
    key: "input_channels",
    flag: null,
    on: [],
    default: null,
    defaultWords: "`_0000`, `_0001`, …",
    about:
      "for models with several channels: the ending of each channel's file names, by the channel's name in dataset.json",
    configSchema: { type: "object", additionalProperties: { type: "string", minLength: 1 } },
    example: { T1: "_t1", T2: "_t2" },
  }),
  writeJson: setting({
    value: onOff,
    key: "write_json",
    flag: "write-json",
    on: ["image"],
    default: false,
    about: "write results.json into outputdir, one entry for each image",
  }),
  overwriteOutput: setting({
    value: onOff,
    key: "overwrite_output",
    flag: "overwrite-output",
    on: ["image"],
    default: true,
    about: "segment images again that already have a segmentation, instead of skipping them",
  }),
  saveProbabilities: setting({
    value: onOff,
    key: "save_probabilities",
    flag: "save-probabilities",
    on: ["predict", "image"],
    group: "Output:",
    default: false,
    about: "also write each class's probabilities to <case>.npz and .pkl, for nnU-Net's ensembling",
  }),
};

/**
 * Every setting of a run: its name, key in config.json, flags, allowed values, default and description. The schema of
 * config.json, the flags of both programs with their help and checks, the types and the reference follow from it.
 */
export const settingTable = {
  ...runTable,
  ...dicomTable,
  ...imageTable,
  ...dicomResultTable,
  ...taskTable,
};

const runSettings = record({ ...runTable, ...dicomTable, ...taskTable });

/** How series are read, how networks run over every case of a run, and how their answer is brought back to the image's grid. */
export type RunSettings = Checked<typeof runSettings>;

export const imageSettings = record({
  ...settingTable,
  hookModule: about("A file next to the manifest with a user's own hooks; null for none.", orNull(text)),
});

/** What an image does when it runs; its command line can override each. */
export type ImageSettings = Checked<typeof imageSettings>;
export type Device = RunSettings["device"];
export type Precision = RunSettings["precision"];
export type InferenceEngineChoice = RunSettings["inferenceEngine"];
export type ExportMode = RunSettings["exportMode"];
