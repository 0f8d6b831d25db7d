import type {
  ChannelNormalization,
  InferencePlan,
  NormalizationScheme,
  Resampling,
} from "../../../processor/contract/manifest.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { defaultAnisotropyThreshold } from "../../../processor/imaging/resampling/separate-axis.js";
import type { Zyx } from "../../../processor/imaging/volume/axes.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { Field } from "../fields.js";
import { splineOrder } from "../spline-order.js";

export interface InferencePlanSources {
  /** The contents of plans.json. */
  readonly plans: Field;
  /** The configuration, resolved by `resolveConfiguration`. */
  readonly configuration: Field;
  /** The contents of dataset.json. */
  readonly dataset: Field;
  readonly imageChannels: number;
  /** `inference_allowed_mirroring_axes` of the checkpoint. */
  readonly mirrorAxes: readonly number[];
}

/**
 * Reads how nnU-Net v2 turns an image into this network's input, and the network's output back into a
 * segmentation.
 *
 * @throws PLANS_UNSUPPORTED for a class or function that is not nnU-Net's own, MODEL_FILE_INVALID for a
 * missing field.
 */
export function readInferencePlan(sources: InferencePlanSources): InferencePlan {
  const { plans, configuration, dataset } = sources;
  const patchSize = configuration.get("patch_size").integers();
  const dimensions = patchSize.length;
  if (dimensions !== 2 && dimensions !== 3) {
    throw builderError("MODEL_FILE_INVALID", `${configuration.path}.patch_size has ${dimensions} axes`);
  }
  const spacingMm = configuration.get("spacing").numbers();
  if (spacingMm.length !== dimensions) {
    throw builderError(
      "MODEL_FILE_INVALID",
      `${configuration.path}: patch_size has ${dimensions} axes, spacing ${spacingMm.length}`,
    );
  }
  const preprocessor = configuration.get("preprocessor_name");
  if (!preprocessor.isNull) requireKnown(preprocessor, ["DefaultPreprocessor"]);
  const labelManager = plans.get("label_manager");
  if (!labelManager.isNull) requireKnown(labelManager, ["LabelManager"]);
  return {
    dimensions,
    patchSize,
    spacingMm,
    transposeForward: axisOrder(plans.get("transpose_forward")),
    transposeBackward: axisOrder(plans.get("transpose_backward")),
    normalization: readNormalization(sources),
    normalizeFirst: true,
    resampleData: readResampling(configuration, "resampling_fn_data"),
    resampleSegmentation: readResampling(configuration, "resampling_fn_seg"),
    resampleProbabilities: readResampling(configuration, "resampling_fn_probabilities"),
    averaging: "logits",
    gaussianForSingleWindow: true,
    mirrorAxes: checkedMirrorAxes(sources.mirrorAxes, dimensions),
    imageReader: requireKnown(plans.get("image_reader_writer"), imageReaders),
    fileEnding: dataset.get("file_ending").string(),
  };
}

const imageReaders = [
  "SimpleITKIO",
  "SimpleITKIOWithReorient",
  "NibabelIO",
  "NibabelIOWithReorient",
  "NaturalImage2DIO",
  "Tiff3DIO",
] as const;

const normalizationSchemes = [
  "CTNormalization",
  "ZScoreNormalization",
  "RescaleTo01Normalization",
  "RGBTo01Normalization",
  "NoNormalization",
] as const satisfies readonly NormalizationScheme[];

function requireKnown<T extends string>(field: Field, known: readonly T[]): T {
  const name = field.string();
  const match = known.find((candidate) => candidate === name);
  if (match === undefined) {
    throw sharedError("PLANS_UNSUPPORTED", `${field.path} is ${name}; known: ${known.join(", ")}`);
  }
  return match;
}

function axisOrder(field: Field): Zyx {
  const order = field.integers();
  if (order.toSorted().join() !== "0,1,2") {
    throw builderError("MODEL_FILE_INVALID", `${field.path} is ${field.text()}, not an order of three axes`);
  }
  return order as [number, number, number];
}

function readNormalization({
  plans,
  configuration,
  imageChannels,
}: InferencePlanSources): ChannelNormalization[] {
  const schemes = configuration.get("normalization_schemes").list();
  const useMask = configuration.get("use_mask_for_norm").list();
  if (schemes.length !== imageChannels || useMask.length !== imageChannels) {
    throw builderError(
      "MODEL_FILE_INVALID",
      `${configuration.path}: ${schemes.length} normalization_schemes and ${useMask.length} use_mask_for_norm for ${imageChannels} channels`,
    );
  }
  const properties = plans.getAny(
    "foreground_intensity_properties_per_channel",
    "foreground_intensity_properties_by_modality",
  );
  return schemes.map((field, channel) => {
    const scheme = requireKnown(field, normalizationSchemes);
    const intensity = properties.isNull ? properties : properties.get(String(channel));
    return {
      scheme,
      useMask: (useMask[channel] as Field).boolean(),
      intensity:
        scheme === "CTNormalization"
          ? {
              mean: intensity.get("mean").number(),
              std: intensity.get("std").number(),
              percentile005: intensity.get("percentile_00_5").number(),
              percentile995: intensity.get("percentile_99_5").number(),
            }
          : null,
    };
  });
}

/** The arguments of each resampling function, with nnU-Net's defaults. */
const resamplingFunctions = {
  resample_data_or_seg_to_shape: {
    method: "spline",
    defaults: { order: 3, orderZ: 0, forceSeparateZ: false },
  },
  resample_torch_fornnunet: { method: "torch", defaults: { order: 1, orderZ: 0, forceSeparateZ: null } },
  resample_torch_simple: { method: "torch", defaults: { order: 1, orderZ: 0, forceSeparateZ: false } },
  no_resampling_hack: { method: "none", defaults: { order: 0, orderZ: 0, forceSeparateZ: null } },
} as const;

function readResampling(configuration: Field, key: string): Resampling {
  const names = Object.keys(resamplingFunctions) as (keyof typeof resamplingFunctions)[];
  const { method, defaults } = resamplingFunctions[requireKnown(configuration.get(key), names)];
  const kwargs = configuration.get(`${key}_kwargs`);
  if (kwargs.isNull) return { method, ...defaults };
  const whenSet = <T>(name: string, read: (field: Field) => T, otherwise: T): T =>
    kwargs.keys().includes(name) ? read(kwargs.get(name)) : otherwise;

  // A segmentation is resampled only as input to the second stage of a cascade. Otherwise the plans' rule for
  // segmentations has no effect.
  const isSegmentation = key === "resampling_fn_seg" && !configuration.get("previous_stage").isNull;
  const wrongKind = whenSet("is_seg", (field) => field.boolean(), false) !== isSegmentation;
  if (wrongKind && method !== "none" && (isSegmentation || key !== "resampling_fn_seg")) {
    throw sharedError(
      "PLANS_UNSUPPORTED",
      `${kwargs.path}.is_seg must be ${isSegmentation}, because it is for ${isSegmentation ? "labels" : "images"}`,
    );
  }
  const threshold = whenSet(
    "separate_z_anisotropy_threshold",
    (field) => field.number(),
    defaultAnisotropyThreshold,
  );
  const isMemoryEfficient =
    isSegmentation && whenSet("memefficient_seg_resampling", (field) => field.boolean(), false);
  const mode = whenSet("mode", (field) => field.string(), "linear");
  const modeOfZ = whenSet("aniso_axis_mode", (field) => field.string(), "nearest-exact");
  if (isMemoryEfficient || mode !== "linear" || modeOfZ !== "nearest-exact") {
    throw sharedError(
      "PLANS_UNSUPPORTED",
      `${kwargs.path} is ${kwargs.text()}, but memefficient_seg_resampling, mode and aniso_axis_mode must have their defaults`,
    );
  }
  const isSpline = method === "spline";
  return {
    method,
    order: isSpline ? whenSet("order", splineOrder, defaults.order) : defaults.order,
    orderZ: isSpline ? whenSet("order_z", splineOrder, defaults.orderZ) : defaults.orderZ,
    forceSeparateZ: whenSet(
      "force_separate_z",
      (field) => (field.isNull ? null : field.boolean()),
      defaults.forceSeparateZ,
    ),
    ...(threshold === defaultAnisotropyThreshold ? {} : { anisotropyThreshold: threshold }),
  };
}

function checkedMirrorAxes(axes: readonly number[], dimensions: number): readonly number[] {
  if (axes.some((axis) => !Number.isInteger(axis) || axis < 0 || axis >= dimensions)) {
    throw builderError(
      "MODEL_FILE_INVALID",
      `inference_allowed_mirroring_axes is ${axes.join(", ")} in a network of ${dimensions} dimensions`,
    );
  }
  return axes.toSorted((a, b) => a - b);
}
