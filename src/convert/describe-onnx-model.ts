import { basename } from "node:path";
import { counted } from "../../processor/contract/counted.js";
import type { ProcessorError } from "../../processor/contract/errors.js";
import type { NetworkFacts } from "../../processor/contract/manifest.js";
import { mapNonEmpty, type NonEmpty } from "../../processor/contract/non-empty.js";
import type { TrainingFacts } from "../checkpoint/model-description.js";
import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import { describeTraining, readTraining } from "../checkpoint/nnunet-v2/describe-model.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { type OnnxModel, type OnnxTensorInfo, readOnnxModel } from "../onnx/read-onnx.js";

/** A model whose networks are ONNX files that its owner supplied. */
export interface OnnxModelDescription extends TrainingFacts {
  readonly network: NetworkFacts;
  /** One file per fold. */
  readonly files: NonEmpty<OnnxModel>;
}

/**
 * Reads plans.json and dataset.json, and checks the ONNX files against them. Settings that only a checkpoint
 * contains get nnU-Net's defaults: test-time mirroring uses all axes.
 *
 * @throws ONNX_MISMATCH, MODEL_FILE_INVALID, PLANS_UNSUPPORTED
 */
export async function describeOnnxModel(model: TrainedModel): Promise<OnnxModelDescription> {
  const training = await readTraining(model.folder, model.configuration);
  const dimensions = training.configuration.get("patch_size").list().length;
  const facts = describeTraining(training, {
    trainer: /^(.+?)__/.exec(basename(model.folder))?.[1] ?? "unknown",
    name: model.configuration,
    mirrorAxes: Array.from({ length: dimensions }, (_, axis) => axis),
  });
  const expected = {
    inputChannels: training.inputChannels,
    heads: training.heads,
    patchSize: facts.plan.patchSize,
  };
  const files = mapNonEmpty(model.folds, ({ checkpointFile }) => readOnnxModel(checkpointFile));
  const batches = files.map((file) => checkOnnx(file, expected));
  const fixed = batches.filter((batch) => batch !== null);
  return {
    ...facts,
    files,
    network: {
      architecture: "ONNX file",
      inputChannels: training.inputChannels,
      outputChannels: training.heads,
      parameters: files[0].parameters,
      maximumBatch: fixed.length === 0 ? null : Math.min(...fixed),
    },
  };
}

interface Expected {
  readonly inputChannels: number;
  readonly heads: number;
  readonly patchSize: readonly number[];
}

/** @returns the batch size; null if it is free */
function checkOnnx(onnx: OnnxModel, { inputChannels, heads, patchSize }: Expected): number | null {
  const wrong = (what: string) => builderError("ONNX_MISMATCH", `${onnx.file}: ${what}`);
  if (onnx.foreignDomains.length > 0)
    throw wrong(`uses operators of ${onnx.foreignDomains.join(", ")}, which ONNX Runtime does not support`);
  const [input, ...furtherInputs] = onnx.inputs;
  const [output] = onnx.outputs;
  if (input === undefined || output === undefined) throw wrong("has no input or no output");
  if (furtherInputs.length > 0)
    throw wrong(
      `has ${counted(onnx.inputs.length, "input")} (${onnx.inputs.map(({ name }) => name).join(", ")}), not one`,
    );
  checkShape(input, [null, inputChannels, ...patchSize], wrong);
  checkShape(output, [null, heads, ...patchSize], wrong);
  const batch = input.shape?.[0];
  if (typeof batch !== "number") return null;
  if (batch !== 1) throw wrong(`takes ${batch} windows at once; make its batch 1 or free`);
  return batch;
}

/** Checks the dimensions that the file fixes. Dimensions that are known only at run time always fit. */
function checkShape(
  { name, shape, elementType }: OnnxTensorInfo,
  expected: readonly (number | null)[],
  wrong: (what: string) => ProcessorError,
): void {
  if (elementType !== "float32") throw wrong(`${name} is ${elementType}, not float32`);
  if (shape === null) return;
  const fits =
    shape.length === expected.length &&
    shape.every(
      (size, axis) => typeof size !== "number" || expected[axis] === null || size === expected[axis],
    );
  if (fits) return;
  const text = (sizes: readonly (number | string | null)[]) => sizes.map((size) => size || "?").join("×");
  throw wrong(
    `${name} has the shape ${text(shape)}, but plans.json and dataset.json require ${text(expected)}`,
  );
}
