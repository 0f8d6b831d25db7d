/** Returns whether nnU-Net's reader class reads images with nibabel, which has rules of its own for where a NIfTI file is in space. */
export const isNibabel = (imageReader: string | null): boolean => imageReader?.startsWith("Nibabel") === true;

/** Returns whether nnU-Net's reader class turns every image to RAS, each by its own orientation. */
export const reorients = (imageReader: string | null): boolean =>
  imageReader?.endsWith("WithReorient") === true;
