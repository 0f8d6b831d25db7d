import { imagingKernels } from "../../imaging/kernels.js";
import type { KernelTasks, WorkerPool } from "../../imaging/threads/worker-pool.js";
import { applyNonlinearity } from "../postprocess/apply-nonlinearity.js";
import { extractCandidates, keepOverlapping } from "../postprocess/candidates.js";
import { ensembleSlices } from "../postprocess/ensemble-slices.js";
import { exportSlices } from "../postprocess/export-slices.js";
import { keepLargestComponent } from "../postprocess/keep-largest-component.js";
import { probabilitySlice } from "../postprocess/probability-slice.js";
import { removeSmallObjects } from "../postprocess/remove-small-objects.js";
import { copyBox } from "../preprocess/copy-box.js";
import { float32Statistics } from "../preprocess/float32-statistics.js";
import { changeIntensity } from "../preprocess/monai/intensity-step.js";
import { blendVoxels, cropVoxels, foregroundBox } from "../preprocess/monai/move-voxels.js";
import { fillMask, nonzeroExtent } from "../preprocess/nonzero-mask.js";
import { normalizeChannel } from "../preprocess/normalize-channel.js";
import { foregroundChannel, nonzeroVoxels } from "../preprocess/nvidia/foreground-channel.js";
import { positiveExtent } from "../preprocess/nvidia/positive-extent.js";
import { channelStatistics } from "../preprocess/statistics.js";
import { taskKernels } from "../totalsegmentator/kernels.js";

/** All functions that run in a worker of the runtime. */
export const runtimeKernels = {
  ...imagingKernels,
  ensembleSlices,
  exportSlices,
  extractCandidates,
  keepOverlapping,
  keepLargestComponent,
  probabilitySlice,
  removeSmallObjects,
  copyBox,
  float32Statistics,
  fillMask,
  nonzeroExtent,
  normalizeChannel,
  channelStatistics,
  ...taskKernels,
  foregroundChannel,
  nonzeroVoxels,
  positiveExtent,
  changeIntensity,
  blendVoxels,
  cropVoxels,
  foregroundBox,
  applyNonlinearity,
} as const;

export type RuntimeTasks = KernelTasks<typeof runtimeKernels>;

export type RuntimePool = WorkerPool<RuntimeTasks>;
