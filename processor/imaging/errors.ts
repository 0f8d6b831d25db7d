import { defineErrors } from "../contract/errors.js";

/** The errors of image files. */
export const imageError = defineErrors({
  INPUT_CHANNELS: {
    exit: 4,
    http: 422,
    help: "Give one file for each channel that the model was trained with, _0000, _0001, …",
  },
  IMAGE_UNSUPPORTED: { exit: 4, http: 422, help: "Convert it to .nii.gz, .mha or .nrrd." },
  IMAGE_TRUNCATED: {
    exit: 4,
    http: 422,
    help: "Copy the file again; it ends before the data that its header announces.",
  },
  IMAGE_INVALID: {
    exit: 4,
    http: 422,
    help: "Open it in an image viewer; the header or the data is damaged.",
  },
  IMAGE_EMPTY: { exit: 4, http: 422, help: "The image needs at least one voxel on every axis." },
  IMAGE_NOT_FINITE: {
    exit: 4,
    http: 422,
    help: "Replace NaN and infinite voxels by a value that makes sense for the image, such as that of air: nnU-Net would make the whole channel NaN.",
  },
  IMAGE_NOT_RGB: {
    exit: 4,
    http: 422,
    help: "The model expects colours of 8 bits in this channel: store its values as 0 to 255, or train with another name for the channel in dataset.json.",
  },
  GEOMETRY_MISMATCH: { exit: 4, http: 422, help: "Resample the channels of one case onto one grid." },
});
