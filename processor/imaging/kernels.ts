import { clipGroups, rangeOfGroups } from "./resampling/clip-groups.js";
import { exactSample, exactSplineFilter, padToDouble } from "./resampling/exact-zoom-kernels.js";
import { fillCoefficients } from "./resampling/fill-coefficients.js";
import { mirrorSpline } from "./resampling/mirror-spline.js";
import { resampleAxis } from "./resampling/resample-axis.js";
import { resampleLabelGrid } from "./resampling/resample-label-grid.js";
import { resampleLabelGridTorch } from "./resampling/resample-label-grid-torch.js";
import { sampleLabels } from "./resampling/sample-labels.js";
import { sampleSpline } from "./resampling/sample-spline.js";
import { splineCoefficients } from "./resampling/spline-coefficients.js";
import { splineVotes } from "./resampling/spline-votes.js";
import { zoom } from "./resampling/zoom.js";
import type { KernelTasks, WorkerPool } from "./threads/worker-pool.js";
import { turnVoxels } from "./volume/reorient.js";

/** The functions of this project that run in worker threads. */
export const imagingKernels = {
  clipGroups,
  exactSample,
  exactSplineFilter,
  mirrorSpline,
  padToDouble,
  rangeOfGroups,
  resampleAxis,
  resampleLabelGrid,
  resampleLabelGridTorch,
  sampleLabels,
  sampleSpline,
  splineCoefficients,
  splineVotes,
  turnVoxels,
  zoom,
  fillCoefficients,
} as const;

export type ImagingTasks = KernelTasks<typeof imagingKernels>;

/** A pool whose workers know at least the imaging kernels. */
export type ImagingPool = WorkerPool<ImagingTasks>;
