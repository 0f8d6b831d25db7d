import type {
  ChannelNormalization,
  InferencePlan,
  IntensityProperties,
  NormalizationScheme,
} from "../../../processor/contract/manifest.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { Zyx } from "../../../processor/imaging/volume/axes.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { Field } from "../fields.js";
import { splineOrder } from "../spline-order.js";

export interface InferencePlanSources {
  /** The contents of plans.pkl. */
  readonly plans: Field;
  /** One entry of `plans_per_stage`. */
  readonly stagePlan: Field;
  readonly doesMirror: boolean;
}

/**
 * Reads how nnU-Net v1 turns an image into this network's input, and the network's output back into a
 * segmentation.
 */
export function readInferencePlanV1({ plans, stagePlan, doesMirror }: InferencePlanSources): InferencePlan {
  const patchSize = stagePlan.get("patch_size").integers();
  const dimensions = patchSize.length;
  const spacingMm = stagePlan.get("current_spacing").numbers();
  if ((dimensions !== 2 && dimensions !== 3) || spacingMm.length !== 3) {
    throw builderError(
      "MODEL_FILE_INVALID",
      `${stagePlan.path} has a patch of ${dimensions} axes and a spacing of ${spacingMm.length}`,
    );
  }
  const preprocessor = plans.get("preprocessor_name");
  if (!preprocessor.isNull && !preprocessors.includes(preprocessor.string())) {
    throw sharedError(
      "PLANS_UNSUPPORTED",
      `${preprocessor.path} is ${preprocessor.text()}; known: ${preprocessors.join(", ")}`,
    );
  }
  const resampling = { method: "spline", order: 1, orderZ: 0, forceSeparateZ: null } as const;
  return {
    dimensions,
    patchSize,
    // A 2-D network processes every slice in its original position, so only the last two axes are resampled.
    spacingMm: dimensions === 2 ? spacingMm.slice(1) : spacingMm,
    transposeForward: axisOrder(plans.get("transpose_forward")),
    transposeBackward: axisOrder(plans.get("transpose_backward")),
    normalization: readNormalization(plans),
    normalizeFirst: false,
    resampleData: { ...resampling, order: 3 },
    resampleSegmentation: resampling,
    resampleProbabilities: { ...resampling, ...exportParameters(plans.get("segmentation_export_params")) },
    averaging: "probabilities",
    gaussianForSingleWindow: false,
    mirrorAxes: doesMirror ? patchSize.map((_, axis) => axis) : [],
    imageReader: "SimpleITKIO",
    fileEnding: ".nii.gz",
  };
}

const preprocessors = ["GenericPreprocessor", "PreprocessorFor2D"];

const schemes: ReadonlyMap<string, NormalizationScheme> = new Map([
  ["CT", "CTNormalizationV1"],
  ["CT2", "CT2NormalizationV1"],
  ["nonCT", "ZScoreNormalizationV1"],
  ["noNorm", "NoNormalization"],
]);

/** Returns the channel keys in v1's order, which is by number. */
export function channelKeys(plans: Field): string[] {
  const field = plans.get("num_modalities");
  const count = field.integer();
  if (count < 1 || count > maxChannels) throw builderError("MODEL_FILE_INVALID", `${field.path} is ${count}`);
  return Array.from({ length: count }, (_, channel) => String(channel));
}

const maxChannels = 1000;

function readNormalization(plans: Field): ChannelNormalization[] {
  const properties = plans.get("dataset_properties").get("intensityproperties");
  return channelKeys(plans).map((channel) => {
    const field = plans.get("normalization_schemes").get(channel);
    const scheme = schemes.get(field.string());
    if (scheme === undefined) {
      throw sharedError(
        "PLANS_UNSUPPORTED",
        `${field.path} is ${field.text()}; known: ${[...schemes.keys()].join(", ")}`,
      );
    }
    const isCt = scheme === "CTNormalizationV1" || scheme === "CT2NormalizationV1";
    return {
      scheme,
      useMask: plans.get("use_mask_for_norm").get(channel).boolean(),
      intensity: isCt ? readIntensity(properties.get(channel)) : null,
    };
  });
}

const readIntensity = (field: Field): IntensityProperties => ({
  mean: field.get("mean").number(),
  std: field.get("sd").number(),
  percentile005: field.get("percentile_00_5").number(),
  percentile995: field.get("percentile_99_5").number(),
});

/** Returns `segmentation_export_params`, if a planner set it. */
function exportParameters(field: Field) {
  if (field.isNull) return {};
  const separate = field.get("force_separate_z");
  return {
    order: splineOrder(field.get("interpolation_order")),
    orderZ: splineOrder(field.get("interpolation_order_z")),
    forceSeparateZ: separate.isNull ? null : separate.boolean(),
  };
}

function axisOrder(field: Field): Zyx {
  const order = field.isNull ? [0, 1, 2] : field.integers();
  if (order.toSorted().join() !== "0,1,2") {
    throw builderError("MODEL_FILE_INVALID", `${field.path} is ${field.text()}, not an order of three axes`);
  }
  return order as [number, number, number];
}
