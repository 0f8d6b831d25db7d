import type { TextMessage, TextValue } from "./text-format.js";

/** Fields of Triton's ModelConfig (model_config.proto) that a network needs. */
export interface TritonModel {
  readonly name: string;
  /** 0 for a network with a fixed number of windows, whose tensors then include the axis of the batch. */
  readonly maxBatchSize: number;
  readonly inputs: readonly TritonTensor[];
  readonly outputs: readonly TritonTensor[];
  /** Facts for clients, as JSON; Triton itself does not read them. */
  readonly facts: object | null;
}

export interface TritonTensor {
  readonly name: string;
  /** Without the axis of the batch, unless `maxBatchSize` is 0. */
  readonly dims: readonly number[];
  /** File next to config.pbtxt with one label per line. */
  readonly labelFile?: string;
}

/** Passes tensors on: names of the inner model's tensors and of the ensemble's. */
export interface EnsembleStep {
  readonly model: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

/** A model whose version folder contains `model.onnx`. */
export const onnxModelConfig = (model: TritonModel): TextMessage => ({
  ...head(model),
  backend: "onnxruntime",
  ...tensors(model),
});

/** A model that passes its input through other models of the repository. */
export const ensembleConfig = (model: TritonModel, steps: readonly EnsembleStep[]): TextMessage => ({
  ...head(model),
  platform: "ensemble",
  ...tensors(model),
  ensemble_scheduling: { message: { step: steps.map((step) => ({ message: stepMessage(step) })) } },
});

const head = ({ name, maxBatchSize }: TritonModel): TextMessage => ({
  name,
  max_batch_size: maxBatchSize,
});

const tensors = ({ inputs, outputs, facts }: TritonModel): TextMessage => ({
  input: inputs.map(tensor),
  output: outputs.map(tensor),
  ...(facts === null
    ? {}
    : {
        parameters: {
          message: { key: "nnunet", value: { message: { string_value: JSON.stringify(facts) } } },
        },
      }),
});

const tensor = ({ name, dims, labelFile }: TritonTensor): TextValue => ({
  message: {
    name,
    data_type: { symbol: "TYPE_FP32" },
    dims,
    ...(labelFile === undefined ? {} : { label_filename: labelFile }),
  },
});

const stepMessage = ({ model, inputs, outputs }: EnsembleStep): TextMessage => ({
  model_name: model,
  model_version: -1,
  input_map: entries(inputs),
  output_map: entries(outputs),
});

const entries = (map: Readonly<Record<string, string>>): readonly TextValue[] =>
  Object.entries(map).map(([key, value]) => ({ message: { key, value } }));
