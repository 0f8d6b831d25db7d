import { ProcessorError } from "../../processor/errors.js";
import type {
  ChannelNormalization,
  InferencePlan,
  LabelDefinition,
  NormalizationScheme,
  Resampling,
} from "../../processor/model/manifest.js";
import type { Zyx } from "../../processor/volume/axes.js";

type Json = Readonly<Record<string, unknown>>;

/** plans.json of nnU-Net v2 with one configuration resolved through its `inherits_from` chain. */
export interface ResolvedPlans {
  readonly path: string;
  readonly plans: Json;
  readonly configurationName: string;
  readonly configuration: Json;
}

/**
 * Resolves a configuration; each level overrides its parent's keys as a whole (spec: PlansManager).
 *
 * @throws MODEL_FILE_INVALID when the configuration is missing or inherits from itself
 */
export function resolveConfiguration(path: string, plans: Json, name: string): ResolvedPlans {
  const configurations = objectAt(path, plans, "configurations");
  const chain: Json[] = [];
  const seen = new Set<string>();
  for (let next: unknown = name; typeof next === "string"; next = chain.at(-1)!["inherits_from"]) {
    const level = configurations[next];
    if (seen.has(next) || typeof level !== "object" || level === null) {
      throw new ProcessorError(
        "MODEL_FILE_INVALID",
        `${path}: no configuration ${next}; it has ${Object.keys(configurations).join(", ")}`,
      );
    }
    seen.add(next);
    chain.push(level as Json);
  }
  return {
    path,
    plans,
    configurationName: name,
    configuration: Object.assign({}, ...chain.reverse()) as Json,
  };
}

/** nnU-Net's LabelManager for a dataset.json of v2, or of v1 (`{"0": "background"}`). */
export function labelDefinition(path: string, dataset: Json): LabelDefinition {
  const declared = Object.entries(objectAt(path, dataset, "labels"));
  const isV1 = declared.every(([key, value]) => /^\d+$/.test(key) && typeof value === "string");
  const names = declared.map(([key, value]) => {
    if (isV1) return { name: value as string, value: Number(key) };
    if (!isLabelValue(value)) {
      throw new ProcessorError(
        "MODEL_FILE_INVALID",
        `${path}: label ${key} is ${JSON.stringify(value)}, not a number or list`,
      );
    }
    return { name: key, value };
  });
  const background = names.find(({ name }) => name === "background")?.value;
  if (background !== undefined && [background].flat().some((value) => value !== 0)) {
    throw new ProcessorError(
      "MODEL_FILE_INVALID",
      `${path}: background is label ${JSON.stringify(background)}, not 0`,
    );
  }
  const ignoreLabel = names.find(({ name }) => name === "ignore")?.value ?? null;
  if (ignoreLabel !== null && typeof ignoreLabel !== "number") {
    throw new ProcessorError("MODEL_FILE_INVALID", `${path}: the ignore label must be one number`);
  }
  const values = [...new Set(names.filter(({ name }) => name !== "ignore").flatMap(({ value }) => value))];
  const foregroundLabels = values.filter((value) => value !== 0).sort((a, b) => a - b);
  const hasRegions = names.some(({ value }) => Array.isArray(value) && value.length > 1);
  return {
    names,
    foregroundLabels,
    ignoreLabel,
    regionsClassOrder: hasRegions ? regionsOrder(path, dataset, names) : null,
  };
}

/** Output channels of the network: regions without background, or labels with background and without ignore. */
export const headCount = (labels: LabelDefinition): number =>
  labels.regionsClassOrder?.length ?? labels.foregroundLabels.length + 1;

function regionsOrder(path: string, dataset: Json, names: LabelDefinition["names"]): readonly number[] {
  const regions = names.filter(
    ({ name, value }) => name !== "ignore" && [value].flat().some((label) => label !== 0),
  );
  const order = dataset["regions_class_order"];
  if (
    !Array.isArray(order) ||
    !order.every((label) => typeof label === "number") ||
    order.length !== regions.length
  ) {
    throw new ProcessorError(
      "MODEL_FILE_INVALID",
      `${path}: labels with regions need regions_class_order with ${regions.length} numbers, found ${JSON.stringify(order)}`,
    );
  }
  return order as number[];
}

const isLabelValue = (value: unknown): value is number | number[] =>
  Number.isInteger(value) || (Array.isArray(value) && value.length > 0 && value.every(Number.isInteger));

/** `channel_names` of v2, `modality` of older files, in channel order. */
export function channelNames(path: string, dataset: Json): readonly string[] {
  const names = objectAt(
    path,
    "channel_names" in dataset ? dataset : { channel_names: dataset["modality"] },
    "channel_names",
  );
  return Object.keys(names)
    .sort((a, b) => Number(a) - Number(b))
    .map((key) => String(names[key]));
}

/** What preprocessing, prediction and export need to know, in our terms. `mirrorAxes` come from the checkpoint. */
export function inferencePlan(
  resolved: ResolvedPlans,
  dataset: Json,
  mirrorAxes: readonly number[],
): InferencePlan {
  const { path, plans, configuration } = resolved;
  const patchSize = numbersAt(path, configuration, "patch_size");
  const reader = dataset["overwrite_image_reader_writer"];
  return {
    dimensions: patchSize.length === 2 ? 2 : 3,
    patchSize,
    spacingMm: numbersAt(path, configuration, "spacing"),
    transposeForward: numbersAt(path, plans, "transpose_forward") as unknown as Zyx,
    transposeBackward: numbersAt(path, plans, "transpose_backward") as unknown as Zyx,
    normalization: normalizations(resolved),
    normalizeFirst: true,
    resampleData: resampling(resolved, "resampling_fn_data", { order: 3, isSegmentation: false }),
    resampleSegmentation: resampling(resolved, "resampling_fn_seg", { order: 1, isSegmentation: true }),
    resampleProbabilities: resampling(resolved, "resampling_fn_probabilities", {
      order: 1,
      isSegmentation: false,
    }),
    averaging: "logits",
    gaussianForSingleWindow: true,
    mirrorAxes,
    imageReader: knownReader(
      path,
      typeof reader === "string" && reader !== "None" ? reader : plans["image_reader_writer"],
    ),
    fileEnding: typeof dataset["file_ending"] === "string" ? dataset["file_ending"] : ".nii.gz",
  };
}

const readers = [
  "SimpleITKIO",
  "SimpleITKIOWithReorient",
  "NibabelIO",
  "NibabelIOWithReorient",
  "NaturalImage2DIO",
  "Tiff3DIO",
];

function knownReader(path: string, name: unknown): string {
  if (typeof name === "string" && readers.includes(name)) return name;
  throw new ProcessorError(
    "PLANS_UNSUPPORTED",
    `${path}: image_reader_writer is ${JSON.stringify(name)}; known are ${readers.join(", ")}`,
  );
}

const schemes: readonly NormalizationScheme[] = [
  "CTNormalization",
  "ZScoreNormalization",
  "RescaleTo01Normalization",
  "RGBTo01Normalization",
  "NoNormalization",
];

function normalizations({ path, plans, configuration }: ResolvedPlans): readonly ChannelNormalization[] {
  const names = configuration["normalization_schemes"];
  const masks = configuration["use_mask_for_norm"];
  const intensities = (plans["foreground_intensity_properties_per_channel"] ??
    plans["foreground_intensity_properties_by_modality"] ??
    {}) as Readonly<Record<string, Json>>;
  if (!Array.isArray(names))
    throw new ProcessorError("MODEL_FILE_INVALID", `${path}: normalization_schemes is missing`);
  return names.map((name: unknown, channel) => {
    const scheme = schemes.find((known) => known === name);
    if (scheme === undefined) {
      throw new ProcessorError(
        "PLANS_UNSUPPORTED",
        `${path}: channel ${channel} is normalised by ${JSON.stringify(name)}; known are ${schemes.join(", ")}`,
      );
    }
    const useMask = Array.isArray(masks) && masks[channel] === true;
    return {
      scheme,
      useMask,
      intensity: scheme === "CTNormalization" ? intensity(path, intensities[`${channel}`]) : null,
    };
  });
}

function intensity(path: string, properties: Json | undefined): ChannelNormalization["intensity"] {
  const value = (key: string): number => {
    const number = properties?.[key];
    if (typeof number === "number") return number;
    throw new ProcessorError(
      "MODEL_FILE_INVALID",
      `${path}: CTNormalization needs ${key} of the training set's intensities`,
    );
  };
  return {
    mean: value("mean"),
    std: value("std"),
    percentile005: value("percentile_00_5"),
    percentile995: value("percentile_99_5"),
  };
}

const resamplingMethods: Readonly<Record<string, Resampling["method"]>> = {
  resample_data_or_seg_to_shape: "spline",
  resample_torch_fornnunet: "torch",
  resample_torch_simple: "torch",
  no_resampling_hack: "none",
};

function resampling(
  { path, configuration }: ResolvedPlans,
  key: string,
  defaults: { readonly order: number; readonly isSegmentation: boolean },
): Resampling {
  const name = configuration[key] ?? "resample_data_or_seg_to_shape";
  const method = resamplingMethods[String(name)];
  if (method === undefined) {
    throw new ProcessorError(
      "PLANS_UNSUPPORTED",
      `${path}: ${key} is ${JSON.stringify(name)}; known are ${Object.keys(resamplingMethods).join(", ")}`,
    );
  }
  const kwargs = (configuration[`${key}_kwargs`] ?? {}) as Json;
  const force = kwargs["force_separate_z"];
  return {
    method,
    order: typeof kwargs["order"] === "number" ? kwargs["order"] : defaults.order,
    orderZ: typeof kwargs["order_z"] === "number" ? kwargs["order_z"] : 0,
    forceSeparateZ: typeof force === "boolean" ? force : null,
  };
}

export function objectAt(path: string, parent: Json, key: string): Json {
  const value = parent[key];
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw new ProcessorError(
    "MODEL_FILE_INVALID",
    `${path}: ${key} is ${value === undefined ? "missing" : "not an object"}`,
  );
}

export function numbersAt(path: string, parent: Json, key: string): readonly number[] {
  const value = parent[key];
  if (Array.isArray(value) && value.every((entry) => typeof entry === "number")) return value as number[];
  throw new ProcessorError(
    "MODEL_FILE_INVALID",
    `${path}: ${key} should be a list of numbers, found ${JSON.stringify(value)}`,
  );
}
