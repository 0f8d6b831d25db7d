import type { Field } from "../fields.js";
import type { ActivationPlan, NormalizationPlan } from "../network/network-plan.js";
import { className, flag, unsupported } from "./plan-values.js";

/** Reads the normalization layers of an `architecture` block; null if the network has none. */
export function readNormalization(kwargs: Field): NormalizationPlan | null {
  const field = kwargs.get("norm_op");
  if (field.isNull) return null;
  const name = className(field);
  if (name === "Identity") return null;
  const [, kind] =
    name === "SyncBatchNorm" ? ["", "Batch"] : (/^(Instance|Batch)Norm[23]d$/.exec(name) ?? []);
  if (kind === undefined) throw unsupported(field);
  const options = kwargs.get("norm_op_kwargs");
  const option = (key: string): Field => (options.isNull ? options : options.get(key));
  const affine = option("affine");
  const isTracked = flag(option("track_running_stats"));
  return {
    // At inference, an InstanceNorm with running statistics computes the same as a BatchNorm.
    kind: kind === "Batch" || isTracked ? "batch" : "instance",
    epsilon: option("eps").isNull ? 1e-5 : option("eps").number(),
    isAffine: affine.isNull ? kind === "Batch" : affine.boolean(),
  };
}

/** Reads the activations of an `architecture` block; null if the network has none. */
export function readActivation(kwargs: Field): ActivationPlan | null {
  const field = kwargs.get("nonlin");
  if (field.isNull) return null;
  const options = kwargs.get("nonlin_kwargs");
  const number = (key: string, usual: number): number => {
    const option = options.isNull ? options : options.get(key);
    return option.isNull ? usual : option.number();
  };
  const name = className(field);
  const kind = plainActivations.get(name);
  if (kind !== undefined) return { kind };
  switch (name) {
    case "LeakyReLU":
      return { kind: "leakyRelu", slope: number("negative_slope", 0.01) };
    case "RReLU": // inference uses the middle of its range
      return { kind: "leakyRelu", slope: (number("lower", 1 / 8) + number("upper", 1 / 3)) / 2 };
    case "ReLU":
      return { kind: "relu", slope: 0 };
    case "ELU":
      return { kind: "elu", alpha: number("alpha", 1) };
    case "GELU":
      return { kind: "gelu", approximation: gelu(options) };
    case "Softplus":
      if (number("beta", 1) !== 1 || number("threshold", 20) !== 20) throw unsupported(options);
      return { kind: "softplus" };
    case "Identity":
      return null;
    default:
      throw unsupported(field);
  }
}

/** Activations of torch.nn that have no arguments relevant to inference. */
const plainActivations: ReadonlyMap<string, "mish" | "silu" | "selu" | "tanh" | "sigmoid"> = new Map([
  ["Mish", "mish"],
  ["SiLU", "silu"],
  ["SELU", "selu"],
  ["Tanh", "tanh"],
  ["Sigmoid", "sigmoid"],
]);

function gelu(options: Field): "none" | "tanh" {
  const approximate = options.isNull ? options : options.get("approximate");
  if (approximate.isNull) return "none";
  const name = approximate.string();
  if (name === "none" || name === "tanh") return name;
  throw unsupported(approximate);
}
