import { anyObject, choice, choices, onOff, orNone, setting } from "./setting.js";

/** Settings of the DICOM results of cases whose images are DICOM series. */
export const dicomResultTable = {
  dicomSegmentations: setting({
    value: choices("binary", "labelmap", "fractional", "pseudo-fractional", "none"),
    key: "dicom_seg",
    flag: "dicom-seg",
    on: ["predict", "image"],
    group: "Output:",
    default: ["binary"],
    about:
      "DICOM segmentations of DICOM input: binary or labelmap in <case>.dcm, fractional or pseudo-fractional in <case>_probabilities.dcm, or none",
    more: "`pseudo-fractional` shows the probability of one label in ten binary segments, for viewers that show no fractional segmentations.",
    olderManifest: ["binary"],
  }),
  rtStructureSet: setting({
    value: onOff,
    key: "rt_structure_set",
    flag: "rt-structure-set",
    on: ["predict", "image"],
    group: "Output:",
    default: false,
    about: "for DICOM input, also write the contours as an RT structure set, <case>_struct.dcm",
    olderManifest: false,
  }),
  rtHoles: setting({
    value: choice("rings", "keyholes"),
    key: "rt_holes",
    flag: "rt-holes",
    on: ["predict", "image"],
    group: "Output:",
    default: "rings",
    about:
      "holes in an RT structure set: rings of their own, which most programs subtract, or keyholes, which join a hole with the ring around it",
    olderManifest: "rings",
  }),
  dicomEmptyFrames: setting({
    value: onOff,
    key: "dicom_empty_frames",
    flag: "dicom-empty-frames",
    on: ["predict", "image"],
    group: "Output:",
    default: false,
    about:
      "also write the frames of a binary DICOM segmentation that have no voxels, for viewers that need one for each slice",
    olderManifest: false,
  }),
  dicomUids: setting({
    value: choice("random", "derived"),
    key: "dicom_uids",
    flag: "dicom-uids",
    on: ["predict", "image"],
    group: "Output:",
    default: "random",
    about:
      "UIDs of DICOM results: random, new ones at each run, or derived from images, model and voxels, so that the same result has the same UIDs again",
    more: "With `derived`, a PACS that gets the same result again keeps one copy. Derived UIDs differ as soon as anything differs.",
    olderManifest: "derived",
  }),
  dicomMetadata: setting({
    value: orNone(anyObject),
    key: "dicom",
    flag: null,
    on: [],
    default: null,
    defaultWords: "made from the model's labels",
    about:
      'what DICOM results say about the segments: a dcmqi template, an object with segment_names, or {"path": "metadata.json"} with one of them',
    more: "See docs/reference/dicom.md.",
    configSchema: { type: "object" },
    example: { algorithm_name: "OrganNet", segment_names: ["Liver", "left kidney"] },
    olderManifest: null,
  }),
};
