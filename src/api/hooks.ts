/** The types of a module for `--process-img-file`, as `nnunet-processor/hooks`. */
export type { Xyz, Zyx } from "../../processor/imaging/volume/axes.js";
export type { Geometry } from "../../processor/imaging/volume/geometry.js";
export type { Image, ImageSource, VoxelArray } from "../../processor/imaging/volume/image.js";
export type { LabelMap } from "../../processor/imaging/volume/label-map.js";
export type {
  HookContext,
  PreProcessContext,
  ProcessImageModule,
} from "../../processor/runtime/hooks/hooks.js";
