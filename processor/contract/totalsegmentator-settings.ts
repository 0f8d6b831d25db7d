import { type Checked, record } from "./json-check.js";
import { choice, millimetres3, onOff, orNone, setting, wholeNumber, wordList } from "./setting.js";

const group = "TotalSegmentator:";
const on = ["build", "predict", "image"] as const;
const switchedOn = { value: onOff, on, group, default: false, olderManifest: false } as const;

/** Options of TotalSegmentator's tasks. Other models refuse them. */
export const taskTable = {
  roiSubset: setting({
    value: orNone(wordList("A,B", "names of classes")),
    key: "roi_subset",
    flag: "roi-subset",
    on,
    group,
    default: null,
    defaultWords: "all",
    olderManifest: null,
    about: "classes of a task total… to segment, in a box around a rough segmentation of them",
  }),
  robustCrop: setting({
    ...switchedOn,
    key: "robust_crop",
    flag: "robust-crop",
    about: "crop with the rough model of 3 mm instead of 6 mm",
  }),
  bodySeg: setting({
    ...switchedOn,
    key: "body_seg",
    flag: "body-seg",
    about: "crop to the body first, for large images of a task that crops to nothing else",
  }),
  removeSmallBlobs: setting({
    value: orNone(millimetres3),
    key: "remove_small_blobs",
    flag: "remove-small-blobs",
    on,
    group,
    default: null,
    defaultWords: "none",
    olderManifest: null,
    about:
      "remove parts of every class that are not larger than this, in mm³ (200 is TotalSegmentator's own)",
  }),
  resamplingOrder: setting({
    value: wholeNumber(0, 5),
    key: "resampling_order",
    flag: "resampling-order",
    on,
    group,
    default: 1,
    olderManifest: 1,
    about: "order of the spline that brings the image to the task's spacing",
  }),
  higherOrder: setting({
    value: choice("off", "logits", "labels"),
    key: "higher_order_resampling",
    flag: "higher-order-resampling",
    on,
    group,
    default: "off",
    olderManifest: "off",
    about:
      "smoother results: logits leaves all resampling to nnU-Net, labels resamples every label linearly; off takes the nearest label",
  }),
  saveLowres: setting({
    ...switchedOn,
    key: "save_lowres",
    flag: "save-lowres",
    about: "write the result on the network's coarse grid, for the modes fast and fastest",
  }),
  olderLabels: setting({
    ...switchedOn,
    key: "v1_order",
    flag: "v1-order",
    about: "number the classes of the task total as version 1 did; classes that it had not are left out",
  }),
  perClass: setting({
    ...switchedOn,
    key: "per_class",
    flag: "per-class",
    about: "also write a file for each class into a folder with the case's name",
  }),
  derivedMasks: setting({
    value: onOff,
    key: "derived_masks",
    flag: "derived-masks",
    on,
    group,
    default: true,
    olderManifest: true,
    about: "with per_class, also write body and skin for the task body",
  }),
  statistics: setting({
    value: choice("off", "basic", "extra"),
    key: "statistics",
    flag: "statistics",
    on,
    group,
    default: "off",
    olderManifest: "off",
    about:
      "write <case>.statistics.json with volume and intensity of each class; extra adds number of voxels, spread, centre and box",
  }),
  statisticsAggregation: setting({
    value: choice("mean", "median"),
    key: "statistics_aggregation",
    flag: "statistics-aggregation",
    on,
    group,
    default: "mean",
    olderManifest: "mean",
    about: "how the statistics sum up the intensities of a class",
  }),
  statisticsIncomplete: setting({
    ...switchedOn,
    key: "statistics_include_incomplete",
    flag: "statistics-include-incomplete",
    about: "also measure classes that touch the border of the image, which count as 0 otherwise",
  }),
};

const taskSettings = record(taskTable);

/** The options of a run of one of TotalSegmentator's tasks. */
export type TaskSettings = Checked<typeof taskSettings>;
