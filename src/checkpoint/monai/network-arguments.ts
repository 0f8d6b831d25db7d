import type { Field } from "../fields.js";
import type { NetworkWeights } from "../network/checkpoint.js";
import type { ActivationPlan, NormalizationPlan } from "../network/network-plan.js";
import { unsupported } from "./bundle-part.js";

export interface BundleNetworkSources {
  /** The size of a window. */
  readonly patchSize: readonly number[];
  readonly weights: NetworkWeights;
}

export interface PlanSources extends BundleNetworkSources {
  readonly dimensions: 2 | 3;
}

/** Reads `2` or `[2, 2, 1]` as one number for each axis. */
export function perSpatialAxis(field: Field, dimensions: number): readonly number[] {
  const values = field.isList ? field.integers() : Array.from({ length: dimensions }, () => field.integer());
  if (values.length === dimensions && values.every((value) => value >= 1 && value <= 64)) return values;
  throw unsupported(
    field.path,
    `it should have ${dimensions} whole numbers from 1 to 64, but is ${field.text()}`,
  );
}

/** Reads `batch` or `["instance", {"affine": true}]`: a name, and the arguments of its class. */
function namedLayer(field: Field): { readonly name: string; readonly options: Field } {
  const [name, options] = field.isList ? field.list() : [field];
  if (name === undefined || !name.isString)
    throw unsupported(field.path, `it should be a name such as "batch", but is ${field.text()}`);
  return { name: name.string().toLowerCase(), options: options ?? field };
}

const option = (options: Field, key: string): Field | null => {
  if (options.isList || options.isString || options.isNull) return null;
  const found = options.get(key);
  return found.isNull ? null : found;
};

/** @param isAffine what the tensors say about instance normalisation */
export function normalizationOf(field: Field, isAffine: boolean): NormalizationPlan | null {
  if (field.isNull) return null;
  const { name, options } = namedLayer(field);
  const epsilon = option(options, "eps")?.number() ?? 1e-5;
  switch (name) {
    case "batch":
      return { kind: "batch", epsilon, isAffine };
    case "instance":
    case "instance_nvfuser":
      if (option(options, "track_running_stats")?.boolean() === true)
        throw unsupported(field.path, "instance normalisation with track_running_stats is not built in");
      return { kind: "instance", epsilon, isAffine };
    case "group":
      return { kind: "group", groups: option(options, "num_groups")?.integer() ?? 1, epsilon, isAffine };
    default:
      throw unsupported(
        field.path,
        `the normalisation ${name} is not built in; batch, instance and group are`,
      );
  }
}

/** Returns `prelu` for the activation with learnt slopes, which is not the same in all layers. */
export function activationOf(field: Field): ActivationPlan | "prelu" | null {
  if (field.isNull) return null;
  const { name, options } = namedLayer(field);
  switch (name) {
    case "prelu":
      return "prelu";
    case "relu":
      return { kind: "relu", slope: 0 };
    case "leakyrelu":
      return { kind: "leakyRelu", slope: option(options, "negative_slope")?.number() ?? 0.01 };
    case "elu":
      return { kind: "elu", alpha: option(options, "alpha")?.number() ?? 1 };
    case "selu":
      return { kind: "selu" };
    case "gelu":
      return { kind: "gelu", approximation: "none" };
    case "mish":
    case "tanh":
    case "sigmoid":
      return { kind: name };
    case "swish":
    case "memswish":
    case "silu":
      return { kind: "silu" };
    default:
      throw unsupported(field.path, `the activation ${name} is not built in`);
  }
}
