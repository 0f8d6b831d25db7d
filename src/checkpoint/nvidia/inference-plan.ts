import type {
  ChannelNormalization,
  InferencePlan,
  Resampling,
} from "../../../processor/contract/manifest.js";
import type { NetworkPlan } from "../network/network-plan.js";
import type { NvidiaFacts } from "./nvidia-facts.js";

/** Returns the rules of NVIDIA's preprocessing, sliding window and export. */
export function nvidiaInferencePlan(facts: NvidiaFacts, { patchSize }: NetworkPlan): InferencePlan {
  const dimensions = patchSize.length as 2 | 3;
  return {
    dimensions,
    patchSize,
    spacingMm: facts.config.spacingsMm,
    transposeForward: [0, 1, 2],
    transposeBackward: [0, 1, 2],
    normalization: facts.channelNames.map(() => normalizationOf(facts)),
    normalizeFirst: false,
    resampleData: spline(null),
    resampleSegmentation: { ...spline(null), order: 1 },
    resampleProbabilities: spline(false),
    averaging: "logits",
    gaussianForSingleWindow: true,
    mirrorAxes: mirrorAxesOf(facts.tta, dimensions),
    imageReader: "NibabelIO",
    fileEnding: ".nii.gz",
    nvidia: {
      overlap: facts.overlap,
      blend: facts.blend,
      hasForegroundChannel: facts.hasForegroundChannel,
      countsZeros: facts.countsZeros,
      brats: facts.brats,
      outputs: facts.outputs,
    },
  };
}

const spline = (forceSeparateZ: boolean | null): Resampling => ({
  method: "spline",
  order: 3,
  orderZ: 0,
  forceSeparateZ,
});

const normalizationOf = ({ ct }: NvidiaFacts): ChannelNormalization =>
  ct === null
    ? { scheme: "ZScoreNormalization", useMask: true, intensity: null }
    : {
        scheme: "CTNormalization",
        useMask: false,
        intensity: { mean: ct.mean, std: ct.std, percentile005: ct.min, percentile995: ct.max },
      };

/** In 2-D, NVIDIA flips depth and height of the volume, and a flip of the depth changes nothing. */
function mirrorAxesOf(tta: NvidiaFacts["tta"], dimensions: 2 | 3): readonly number[] {
  if (tta === false) return [];
  if (dimensions === 3) return [0, 1, 2];
  return tta === "nvidia" ? [0] : [0, 1];
}
