import type { Checked } from "./json-check.js";
import { record } from "./json-check.js";
import { choice, orNone, setting, wholeNumber, words } from "./setting.js";

const number = orNone(wholeNumber(0, 2 ** 31 - 1));

/**
 * Answers to questions that a DICOM series can leave open. None is guessed: without an answer, such a series is refused.
 */
export const dicomTable = {
  seriesInstanceUid: setting({
    value: orNone(words("UID", "a SeriesInstanceUID")),
    key: "series_instance_uid",
    flag: "series",
    on: ["predict", "image"],
    group: "DICOM:",
    default: null,
    defaultWords: "the only series",
    about: "SeriesInstanceUID of the DICOM series to segment, if a folder holds several",
    olderManifest: null,
  }),
  bValue: setting({
    value: number,
    key: "b_value",
    flag: "b-value",
    on: ["predict", "image"],
    group: "DICOM:",
    default: null,
    defaultWords: "the only one",
    about:
      "b-value in s/mm² of the volume to segment, if a DICOM series holds several; the nearest one is taken",
    olderManifest: null,
  }),
  temporalPosition: setting({
    value: number,
    key: "temporal_position",
    flag: "temporal-position",
    on: ["predict", "image"],
    group: "DICOM:",
    default: null,
    defaultWords: "the only one",
    about: "TemporalPositionIdentifier of the volume to segment, if a DICOM series holds several",
    olderManifest: null,
  }),
  echoNumber: setting({
    value: number,
    key: "echo_number",
    flag: "echo-number",
    on: ["predict", "image"],
    group: "DICOM:",
    default: null,
    defaultWords: "the only one",
    about: "EchoNumbers of the volume to segment, if a DICOM series holds several",
    olderManifest: null,
  }),
  acquisitionNumber: setting({
    value: number,
    key: "acquisition_number",
    flag: "acquisition-number",
    on: ["predict", "image"],
    group: "DICOM:",
    default: null,
    defaultWords: "the only one",
    about: "AcquisitionNumber of the volume to segment, if a DICOM series holds several",
    olderManifest: null,
  }),
  irregularSlices: setting({
    value: choice("refuse", "average"),
    key: "irregular_slices",
    flag: "irregular-slices",
    on: ["predict", "image"],
    group: "DICOM:",
    default: "refuse",
    about:
      "what to do with DICOM slices that have gaps or uneven steps: average reads them with the mean step",
    more: "SimpleITK averages without an error, so the training data of a model may have been made in this way.",
    olderManifest: "refuse",
  }),
  gantryTilt: setting({
    value: choice("refuse", "ignore"),
    key: "gantry_tilt",
    flag: "gantry-tilt",
    on: ["predict", "image"],
    group: "DICOM:",
    default: "refuse",
    about:
      "what to do with DICOM slices that are shifted against each other: ignore stacks them along their normal",
    olderManifest: "refuse",
  }),
  monochrome1: setting({
    value: choice("keep", "invert"),
    key: "monochrome1",
    flag: "monochrome1",
    on: ["predict", "image"],
    group: "DICOM:",
    default: "keep",
    about:
      "what to do with the values of CT, MR and PET images in MONOCHROME1, which is about their display: invert does as SimpleITK",
    olderManifest: "keep",
  }),
};

const dicomSettings = record(dicomTable);

/** How DICOM series are read. */
export type DicomSettings = Checked<typeof dicomSettings>;

/** Nothing is chosen, and nothing irregular is read. */
export const strictReading: DicomSettings = {
  seriesInstanceUid: null,
  bValue: null,
  temporalPosition: null,
  echoNumber: null,
  acquisitionNumber: null,
  irregularSlices: "refuse",
  gantryTilt: "refuse",
  monochrome1: "keep",
};
