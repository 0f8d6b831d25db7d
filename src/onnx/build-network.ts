import type { ProcessorError } from "../../processor/contract/errors.js";
import type { NetworkWeights } from "../checkpoint/network/checkpoint.js";
import type { ArchitectureName, NetworkPlan } from "../checkpoint/network/network-plan.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { printable } from "../ground/untrusted/printable.js";
import { fabiansUNet } from "./architectures/fabians-unet.js";
import { genericUNet } from "./architectures/generic-unet.js";
import { monaiUNet } from "./architectures/monai-unet.js";
import { dynUNet, nvidiaAttentionUNet, nvidiaUNet } from "./architectures/nvidia-unet.js";
import { nvidiaUNet3D } from "./architectures/nvidia-unet3d.js";
import { plainConvUNet } from "./architectures/plain-conv-unet.js";
import { primus } from "./architectures/primus.js";
import { residualEncoderUNet, residualUNet } from "./architectures/residual-encoder-unet.js";
import type { NetworkSite } from "./convolution-block.js";
import { type Feature, GraphBuilder } from "./graph-builder.js";
import type { OnnxGraph } from "./onnx-graph.js";
import { ParameterTable } from "./parameter-table.js";

export interface BuildNetworkOptions {
  readonly plan: NetworkPlan;
  readonly weights: NetworkWeights;
  /** Class name of the trainer, for messages. */
  readonly trainer: string;
  /** Name of the checkpoint file, for messages. */
  readonly source: string;
}

export interface BuiltNetwork {
  readonly graph: OnnxGraph;
  /** Number of learnt values that inference uses. */
  readonly parameters: number;
}

/**
 * Builds the graph of a network from its plan and weights. Does not read the values of the weights.
 *
 * @throws TENSOR_MISMATCH names tensors that are missing, unused or have another shape; ARCHITECTURE_UNKNOWN
 * if the checkpoint contains none of the network's tensor names
 */
export function buildNetwork({ plan, weights, source, trainer }: BuildNetworkOptions): BuiltNetwork {
  const graph = new GraphBuilder(plan.inputChannels);
  const parameters = new ParameterTable(weights, source);
  const logits = architectures[plan.architecture]({ graph, parameters, plan });
  if (parameters.isOfAnotherNetwork) throw anotherNetwork({ plan, weights, source, trainer });
  parameters.finish(isUnused);
  return { graph: graph.finish(plan, logits), parameters: parameters.valueCount };
}

function anotherNetwork({ plan, weights, source, trainer }: BuildNetworkOptions): ProcessorError {
  const first = [...weights.keys()].slice(0, 3).map(printable).join(", ");
  return builderError(
    "ARCHITECTURE_UNKNOWN",
    `${source}: the trainer ${trainer} built a different network from the ${plan.architecture} in its plans; its weights are ${first}, …`,
  );
}

const architectures: Record<ArchitectureName, (site: NetworkSite) => Feature> = {
  PlainConvUNet: plainConvUNet,
  ResidualEncoderUNet: residualEncoderUNet,
  ResidualUNet: residualUNet,
  Generic_UNet: genericUNet,
  FabiansUNet: fabiansUNet,
  Primus: primus,
  MonaiUNet: monaiUNet,
  DynUNet: dynUNet,
  NvidiaUNet: nvidiaUNet,
  NvidiaAttentionUNet: nvidiaAttentionUNet,
  NvidiaUNet3D: nvidiaUNet3D,
};

/**
 * Duplicate names of the same tensors (`all_modules`, `all`, the decoder's reference to the encoder), the
 * heads of deep supervision, BatchNorm's counter, and the token that Primus puts in place of dropped ones in training.
 */
const isUnused = (name: string): boolean =>
  secondName.test(name) ||
  deepSupervisionHead.test(name) ||
  name.endsWith(".num_batches_tracked") ||
  name === "mask_token";

const secondName = /(?:^|\.)all_modules\.|\.all\.\d+\.|^decoder\.encoder\.|^skip_layers\./;
const deepSupervisionHead =
  /^(?:decoder\.seg_layers|seg_outputs|decoder\.deep_supervision_outputs|deep_supervision_heads)\.\d+\./;
