import type { VoxelArray } from "../volume/image.js";

export interface ReadImageOptions {
  /** True to keep scaled values in float64, as nibabel's `get_fdata` returns them; float32 when absent. */
  readonly keepsDoubles?: boolean;
  /**
   * The nnU-Net reader class that the model was trained with. It decides what the axes and the spacing of a TIFF file are, and by
   * whose rules a NIfTI file is read: nibabel's for a reader of nibabel, otherwise ITK's. Null, or absent, without a model.
   */
  readonly imageReader?: string | null;
  /**
   * True to read NIfTI and GIPL files that are cut off as ITK does, with 0 for the voxels that are missing; such files are
   * refused when absent.
   */
  readonly fillsMissing?: boolean;
}

/**
 * Takes some of the voxels of an image in the order of memory, whole rows of them. The array is valid during the call only.
 *
 * @param start the index of the first of them in `components × z × y × x`
 */
export type BlockSink = (voxels: VoxelArray, start: number) => void;
