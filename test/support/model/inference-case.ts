import type { InferencePlan } from "../../../processor/contract/manifest.js";
import type { Zyx } from "../../../processor/imaging/volume/axes.js";
import { identityDirection } from "../../../processor/imaging/volume/geometry.js";
import type { LogitStream } from "../../../processor/runtime/inference/logit-slab.js";
import type { PredictOptions } from "../../../processor/runtime/inference/predicted-slabs.js";
import type { Prepared } from "../../../processor/runtime/preprocess/prepared.js";

/** Returns a preprocessed volume that was neither cropped nor resampled. */
export function preparedVolume(values: ArrayLike<number>, sizeZyx: Zyx, channelCount: number): Prepared {
  const data = new Float32Array(new SharedArrayBuffer(values.length * 4));
  data.set(values);
  const spacingMmZyx: Zyx = [1, 1, 1];
  return {
    ...{ data, channelCount, sizeZyx },
    history: {
      originalGeometry: {
        ...{ sizeZyx, spacingMmZyx, originMmXyz: [0, 0, 0], directionXyz: identityDirection, dimensions: 3 },
      },
      ...{ sizeBeforeCroppingZyx: sizeZyx, sizeAfterCroppingZyx: sizeZyx },
      cropBoxZyx: [
        [0, sizeZyx[0]],
        [0, sizeZyx[1]],
        [0, sizeZyx[2]],
      ],
      ...{ originalSpacingMmZyx: spacingMmZyx, networkSpacingMmZyx: spacingMmZyx },
    },
  };
}

/** Returns a plan with nnU-Net v2's rules for a patch of this size. Fields that inference does not read have simple values. */
export function planOfPatch(patchSize: readonly number[]): InferencePlan {
  const resampling = { method: "spline", order: 1, orderZ: 0, forceSeparateZ: null } as const;
  return {
    ...{ dimensions: patchSize.length as 2 | 3, patchSize, spacingMm: patchSize.map(() => 1) },
    ...{ transposeForward: [0, 1, 2], transposeBackward: [0, 1, 2], normalization: [], normalizeFirst: true },
    ...{ resampleData: resampling, resampleSegmentation: resampling, resampleProbabilities: resampling },
    ...{ averaging: "logits", gaussianForSingleWindow: true, mirrorAxes: [] },
    ...{ imageReader: "SimpleITKIO", fileEnding: ".nii.gz" },
  };
}

export const predictOptions = (
  options: Partial<PredictOptions> & { readonly plan: InferencePlan },
): PredictOptions => ({
  labels: { names: [], foregroundLabels: [1], regionsClassOrder: null, ignoreLabel: null },
  ...{ heads: 2, maximumBatch: null, stepSize: 0.5, mirrorAxes: [] },
  startProgress: () => ({ advance: () => {}, done: () => {} }),
  signal: new AbortController().signal,
  ...options,
});

/** Joins the slabs to `head × z × y × x`; rejects if they overlap or leave a gap. */
export async function collectLogits({ heads, sizeZyx, slabs }: LogitStream): Promise<Float32Array> {
  const plane = sizeZyx[1] * sizeZyx[2];
  const logits = new Float32Array(heads * sizeZyx[0] * plane);
  let next = 0;
  for await (const slab of slabs) {
    if (slab.zStart !== next) throw new Error(`a slab starts at slice ${slab.zStart} instead of ${next}`);
    next += slab.sizeZyx[0];
    for (let z = 0; z < slab.sizeZyx[0]; z++) {
      for (let head = 0; head < heads; head++) {
        const from = (z * heads + head) * plane;
        const to = (head * sizeZyx[0] + slab.zStart + z) * plane;
        logits.set(slab.values.subarray(from, from + plane), to);
      }
    }
  }
  if (next !== sizeZyx[0]) throw new Error(`the slabs end at slice ${next} of ${sizeZyx[0]}`);
  return logits;
}
