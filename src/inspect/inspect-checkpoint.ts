import { access, open, stat } from "node:fs/promises";
import { descendantOf, descendantText } from "../checkpoint/descendants.js";
import { Field } from "../checkpoint/fields.js";
import type { TrainedFold } from "../checkpoint/network/trained-model.js";
import { readTrainingRecord } from "../checkpoint/nnunet-v1/training-record.js";
import { entriesOf } from "../checkpoint/pickle/unread-object.js";
import { readTorchFile } from "../checkpoint/torch/read-torch-file.js";
import { elementCount, isTensor, type Tensor } from "../checkpoint/torch/tensor.js";
import { builderError } from "../ground/errors/builder-errors.js";
import type { CheckpointInspection, Problem } from "./inspection.js";
import { asProblem } from "./problem.js";

/**
 * Describes a file of torch.save. Reads only its pickle.
 *
 * @throws CHECKPOINT_*, MODEL_FILE_INVALID
 */
export async function inspectCheckpoint(source: string, file: string): Promise<CheckpointInspection> {
  const { size } = await stat(file);
  const value = await readTorchFile(file);
  const weights = weightsOf(value);
  const facts = await factsOf(new Field(value, file), file);
  return {
    inspectionVersion: 1,
    source,
    kind: "checkpoint",
    sizeBytes: size,
    format: await formatOf(file),
    ...unknownFacts,
    ...facts,
    tensors: weights.length,
    parameters: parametersOf(weights),
    problems: problemsOf(value, file, {
      trainer: facts?.trainer ?? null,
      isOfNnUNet: facts !== null,
      weights,
    }),
  };
}

interface CheckpointFacts {
  readonly trainer: string | null;
  readonly isOfNnUNet: boolean;
  readonly weights: readonly Tensor[];
}

function problemsOf(
  value: unknown,
  file: string,
  { trainer, isOfNnUNet, weights }: CheckpointFacts,
): readonly Problem[] {
  const descendant = descendantOf(trainer, tensorNames(value));
  if (descendant !== null)
    return [asProblem(builderError("ARCHITECTURE_UNKNOWN", descendantText(file, descendant)))];
  return isOfNnUNet ? [] : [notOfNnUNet(file, weights.length)];
}

/** Describes a checkpoint that another program saved with torch, such as HD-BET's `0.model`. */
const notOfNnUNet = (file: string, tensors: number): Problem => ({
  code: "CHECKPOINT_UNSUPPORTED",
  message: `${file} was not written by nnU-Net: it contains ${tensors === 0 ? "no weights" : "only weights"}, without the trainer's name and arguments`,
  help: 'nnU-Net\'s own checkpoint of this model is needed, with its plans and dataset files. Otherwise export the network to ONNX (`torch.onnx.export`, input batch × channels × patch, output the logits), write plans.json and dataset.json for it, and name it in config.json: "onnx".',
});

/** Returns the number of values in all weights of a fold. Weights with two names count once. */
export const checkpointParameters = async ({ checkpointFile, range }: TrainedFold): Promise<number> =>
  parametersOf(weightsOf(await readTorchFile(checkpointFile, range)));

type Facts = Pick<
  CheckpointInspection,
  "nnunetVersion" | "trainer" | "configuration" | "datasetName" | "fold" | "epoch" | "mirrorAxes"
>;

const unknownFacts: Facts = {
  nnunetVersion: null,
  trainer: null,
  configuration: null,
  datasetName: null,
  fold: null,
  epoch: null,
  mirrorAxes: null,
};

async function formatOf(file: string): Promise<"zip" | "legacy"> {
  const handle = await open(file, "r");
  try {
    const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return buffer.toString("latin1") === "PK" ? "zip" : "legacy";
  } finally {
    await handle.close();
  }
}

/**
 * Returns the weights, which nnU-Net v2 saves as `network_weights`, and v1 and many other programs as
 * `state_dict`. Some programs save only the weights.
 */
function weightsOf(value: unknown): readonly Tensor[] {
  return [...(dictOf(value)?.values() ?? [])].filter(isTensor);
}

function dictOf(value: unknown): ReadonlyMap<unknown, unknown> | null {
  const root = entriesOf(value);
  return entriesOf(root?.get("network_weights") ?? root?.get("state_dict") ?? root);
}

/** Returns the names of the weights, without the prefix that programs for several GPUs add. */
const tensorNames = (value: unknown): readonly string[] =>
  [...(dictOf(value)?.keys() ?? [])].flatMap((name) =>
    typeof name === "string" ? [name.replace(/^(?:module\.|_orig_mod\.)+/, "")] : [],
  );

/** Counts the parameters without counters. A tensor with two names counts once. */
function parametersOf(weights: readonly Tensor[]): number {
  const places = new Map<string, number>();
  for (const { storage, storageOffset, shape } of weights) {
    if (!storage.elementType.includes("float")) continue;
    places.set(`${storage.byteOffset} ${storageOffset} ${shape.join(" ")}`, elementCount(shape));
  }
  return [...places.values()].reduce((sum, count) => sum + count, 0);
}

async function factsOf(checkpoint: Field, file: string): Promise<Facts | null> {
  if (entriesOf(checkpoint.raw) === null) return null;
  if (!checkpoint.get("network_weights").isNull) return factsOfV2(checkpoint);
  const isV1 = !checkpoint.get("state_dict").isNull && !checkpoint.get("plot_stuff").isNull;
  return isV1 ? factsOfV1(checkpoint, file) : null;
}

function factsOfV2(checkpoint: Field): Facts {
  const init = checkpoint.get("init_args");
  const mirrorAxes = checkpoint.get("inference_allowed_mirroring_axes");
  return {
    nnunetVersion: 2,
    trainer: text(checkpoint.get("trainer_name")),
    configuration: init.isNull ? null : text(init.get("configuration")),
    datasetName: datasetOf(init),
    fold: init.isNull || init.get("fold").isNull ? null : init.get("fold").text(),
    epoch: numberOf(checkpoint.get("current_epoch")),
    mirrorAxes: mirrorAxes.isNull ? [] : mirrorAxes.integers(),
  };
}

function datasetOf(init: Field): string | null {
  const plans = init.isNull ? init : init.get("plans");
  return entriesOf(plans.raw) !== null ? text(plans.get("dataset_name")) : null;
}

/** v1 saves nearly everything in the file next to the checkpoint. */
async function factsOfV1(checkpoint: Field, file: string): Promise<Facts> {
  const own: Facts = { ...unknownFacts, nnunetVersion: 1, epoch: numberOf(checkpoint.get("epoch")) };
  const hasRecord = await access(`${file}.pkl`).then(
    () => true,
    () => false,
  );
  if (!hasRecord) return own;
  const { trainer, configuration, datasetName } = await readTrainingRecord(file);
  return { ...own, trainer, configuration, datasetName };
}

const text = (field: Field): string | null => (field.isString ? field.string() : null);
const numberOf = (field: Field): number | null => (field.isNumber ? field.number() : null);
