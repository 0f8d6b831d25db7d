import { defineErrors } from "../contract/errors.js";

/** The refusals of results as DICOM objects, and of the descriptions of their segments. */
export const dicomObjectError = defineErrors({
  DICOM_METADATA_INVALID: {
    exit: 2,
    http: 400,
    help: "Correct the place that the message names, in the file that describes the segments.",
  },
  DICOM_UNKNOWN_SEGMENT_NAME: {
    exit: 2,
    http: 400,
    help: "Use a name of DICOM's list of segment types (CID 7151), or give the segment's code and scheme yourself.",
  },
  DICOM_LABEL_WITHOUT_SEGMENT: {
    exit: 2,
    http: 422,
    help: "Describe every label of the model: one entry of segmentAttributes with its labelID, or one entry of segment_names.",
  },
  DICOM_SHAPE_MISMATCH: {
    exit: 4,
    http: 422,
    help: "Give the segmentation of this series, on the grid of its images.",
  },
  DICOM_SOURCE_NEEDED: {
    exit: 2,
    http: 400,
    help: "Give the DICOM series itself as input; a DICOM object refers to the images that it was made from.",
  },
  DICOM_OBJECT_TOO_LARGE: {
    exit: 4,
    http: 422,
    help: "Write a label map segmentation, or fewer segments; one DICOM object holds at most 4 GiB of pixels.",
  },
});
