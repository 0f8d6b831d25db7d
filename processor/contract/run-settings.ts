import {
  about,
  type Checked,
  flag,
  listOf,
  number,
  oneOf,
  orNull,
  record,
  recordOf,
  text,
} from "./json-check.js";

const ofEveryRun = {
  useTestTimeAugmentation: flag,
  stepSize: about("Overlap of neighbouring windows: 0.5 is half a patch; 1 is none. In (0, 1].", number),
  device: oneOf(["cpu", "cuda", "auto"]),
  precision: about(
    "In what a network computes: auto takes float16 on a GPU, where nnU-Net does so, and float32 on the CPU.",
    oneOf(["auto", "float16", "float32"]),
  ),
  exportMode: about(
    "v1's mode of export: normal resamples probabilities to the image's grid; fast takes the largest on the network's grid and resamples the labels linearly, fastest takes the nearest label.",
    oneOf(["normal", "fast", "fastest"]),
  ),
};

const runSettings = record(ofEveryRun);

/** How networks run over every case of a run, and how their answer is brought back to the image's grid. */
export type RunSettings = Checked<typeof runSettings>;

export const imageSettings = record({
  ...ofEveryRun,
  inputDir: text,
  outputDir: text,
  overlayDestination: about("Below outputDir.", text),
  allowedExtensions: about("Without leading dot: mha, nii.gz.", listOf(text)),
  outputExtension: about("Without leading dot; the format of the segmentations that an image writes.", text),
  writeJson: flag,
  overwriteOutput: flag,
  saveProbabilities: flag,
  inputChannels: about(
    'Name endings by channel, such as {"T1": "_t1", "FLAIR": "_flair"}; null for _0000, _0001.',
    orNull(recordOf(text)),
  ),
  hookModule: about("A file next to the manifest with a user's own hooks; null for none.", orNull(text)),
});

/** What an image does when it runs; its command line can override each. */
export type ImageSettings = Checked<typeof imageSettings>;
export type Device = RunSettings["device"];
export type Precision = RunSettings["precision"];
export type ExportMode = RunSettings["exportMode"];
