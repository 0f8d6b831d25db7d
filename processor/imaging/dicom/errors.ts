import { defineErrors } from "../../contract/errors.js";

/** The refusals of DICOM series. A series is read whole or refused; no part of a volume is ever guessed. */
export const dicomError = defineErrors({
  DICOM_NO_IMAGES: {
    exit: 4,
    http: 422,
    help: "Give the folder of a CT, MR or PET series, or one of its files.",
  },
  DICOM_BROKEN_FILE: {
    exit: 4,
    http: 422,
    help: "Send or export the file again; its copy is damaged or incomplete.",
  },
  DICOM_SEVERAL_SERIES: {
    exit: 4,
    http: 422,
    help: "Give the folder of one series. --series UID chooses one of them.",
  },
  DICOM_SEVERAL_VOLUMES: {
    exit: 4,
    http: 422,
    help: "Give only the files of one volume. --b-value, --temporal-position, --echo-number and --acquisition-number choose one.",
  },
  DICOM_DUPLICATE_POSITION: {
    exit: 4,
    http: 422,
    help: "Give only one image for each position; two different images at one position cannot be told apart.",
  },
  DICOM_SLICE_GAP: {
    exit: 4,
    http: 422,
    help: "Export the series again, with every slice. --irregular-slices average reads it with the mean spacing, which moves the voxels after the gap.",
  },
  DICOM_NONUNIFORM_SPACING: {
    exit: 4,
    http: 422,
    help: "Export a reconstruction with even steps. --irregular-slices average reads it with the mean spacing.",
  },
  DICOM_GANTRY_TILT: {
    exit: 4,
    http: 422,
    help: "Correct the tilt first. --gantry-tilt ignore stacks the slices along their normal, as if they were not shifted.",
  },
  DICOM_MIXED_SIZE: { exit: 4, http: 422, help: "Give only the images of one matrix size." },
  DICOM_MIXED_ORIENTATION: {
    exit: 4,
    http: 422,
    help: "Give only the images of one orientation; a localizer is not a volume.",
  },
  DICOM_MIXED_SPACING: { exit: 4, http: 422, help: "Give only the images of one pixel spacing." },
  DICOM_MIXED_FRAME_OF_REFERENCE: {
    exit: 4,
    http: 422,
    help: "Give only the images of one frame of reference; positions in two of them cannot be compared.",
  },
  DICOM_NO_POSITION: {
    exit: 4,
    http: 422,
    help: "Export the original images; ImagePositionPatient and ImageOrientationPatient place them in the patient.",
  },
  DICOM_NO_PIXEL_SPACING: {
    exit: 4,
    http: 422,
    help: "Export the original images; PixelSpacing gives the size of their pixels in the patient.",
  },
  DICOM_COLOUR_IMAGE: { exit: 4, http: 422, help: "Give the original grey images." },
  DICOM_UNSUPPORTED_PIXELS: {
    exit: 4,
    http: 422,
    help: "Export the series with 8, 16 or 32 bits for each pixel and a linear rescale.",
  },
  DICOM_UNSUPPORTED_SOP_CLASS: {
    exit: 4,
    http: 422,
    help: "Give a CT, MR or PET series; for a model of flat images also one CR, DX or MG image. --series UID chooses one series of a folder with several.",
  },
  DICOM_UNSUPPORTED_TRANSFER_SYNTAX: {
    exit: 4,
    http: 422,
    help: "Export the series uncompressed, or as JPEG, JPEG-LS, JPEG 2000 or RLE.",
  },
  DICOM_MOSAIC: {
    exit: 4,
    http: 422,
    help: "Convert the mosaic first, for example with dcm2niix; its tiles are slices.",
  },
  DICOM_TOO_LARGE: { exit: 4, http: 422, help: "Give a smaller series, or only the part that is needed." },
  DICOM_TOO_DEEP: {
    exit: 4,
    http: 422,
    help: "Export the file again; no known program nests sequences so deeply.",
  },
  DICOM_INVALID_UID: {
    exit: 4,
    http: 422,
    help: "Export the file again; a UID has up to 64 digits and dots.",
  },
  DICOM_SERIES_DO_NOT_OVERLAP: {
    exit: 4,
    http: 422,
    help: "Give series of the same patient in the same position: the second series does not overlap the first.",
  },
});
