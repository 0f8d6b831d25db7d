import { ensembleSlices } from "../postprocess/ensemble-slices.js";
import { exportSlices } from "../postprocess/export-slices.js";
import { keepLargestComponent } from "../postprocess/keep-largest-component.js";
import { probabilitySlice } from "../postprocess/probability-slice.js";
import { copyBox } from "../preprocess/copy-box.js";
import { float32Statistics } from "../preprocess/float32-statistics.js";
import { fillMask, nonzeroExtent } from "../preprocess/nonzero-mask.js";
import { normalizeChannel } from "../preprocess/normalize-channel.js";
import { channelStatistics } from "../preprocess/statistics.js";
import { clipGroups, rangeOfGroups } from "../resampling/clip-groups.js";
import { resampleAxis } from "../resampling/resample-axis.js";
import { resampleLabelGrid } from "../resampling/resample-label-grid.js";
import { resampleLabelGridTorch } from "../resampling/resample-label-grid-torch.js";
import { splineCoefficients } from "../resampling/spline-coefficients.js";
import { splineVotes } from "../resampling/spline-votes.js";
import { turnVoxels } from "../volume/reorient.js";

/** Every function that runs in a worker. Its one argument holds plain values and views of shared memory. */
export const kernels = {
  channelStatistics,
  clipGroups,
  copyBox,
  ensembleSlices,
  exportSlices,
  fillMask,
  float32Statistics,
  keepLargestComponent,
  nonzeroExtent,
  normalizeChannel,
  probabilitySlice,
  rangeOfGroups,
  resampleAxis,
  resampleLabelGrid,
  resampleLabelGridTorch,
  splineCoefficients,
  splineVotes,
  turnVoxels,
} as const;

export type KernelName = keyof typeof kernels;

export type KernelTasks = {
  readonly [Name in KernelName]: {
    readonly task: Parameters<(typeof kernels)[Name]>[0];
    readonly result: ReturnType<(typeof kernels)[Name]>;
  };
};

export type KernelTask = KernelTasks[KernelName]["task"];
