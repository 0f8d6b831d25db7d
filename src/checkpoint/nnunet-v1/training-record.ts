import { readFile, stat } from "node:fs/promises";
import { builderError } from "../../ground/errors/builder-errors.js";
import { Field } from "../fields.js";
import { readPickle } from "../pickle/read-pickle.js";
import { checkpointGlobals } from "../torch/torch-globals.js";

/**
 * The record that nnU-Net v1 writes next to a checkpoint (`*.model.pkl`): the trainer, the plans and the
 * training's output folder.
 */
export interface TrainingRecord {
  /** Class name, such as `nnUNetTrainerV2`. */
  readonly trainer: string;
  /** The contents of plans.pkl; prediction reads the plans from here. */
  readonly plans: Field;
  /** The key in `plans_per_stage`. */
  readonly stage: string;
  /**
   * The configuration, such as `3d_fullres`: from the name of the training's output folder, or derived from
   * the plans.
   */
  readonly configuration: string;
  /**
   * The data set, such as `Task004_Hippocampus`; null if the output folder does not follow nnU-Net's pattern.
   */
  readonly datasetName: string | null;
  /** Identifier of the plans, such as `nnUNetPlansv2.1`. */
  readonly plansName: string;
}

/** @param checkpointFile the `.model` file */
export async function readTrainingRecord(checkpointFile: string): Promise<TrainingRecord> {
  const file = `${checkpointFile}.pkl`;
  const { value } = readPickle(await readSmallFile(file), { source: file, globals: checkpointGlobals(file) });
  const record = new Field(value, file);
  const plans = record.get("plans");
  const trainer = record.get("name").string();
  const init = record.get("init").list();
  const { outputFolder, stage: stageArgument } = trainerArguments(init);
  const parts = (outputFolder?.isString ? outputFolder.string() : "").split(/[/\\]/).filter(Boolean);
  const folder = parts.findLastIndex((part) => part.includes("__"));
  const stage = readStage(plans, stageArgument);
  return {
    trainer,
    plans,
    stage,
    configuration:
      [parts[folder - 2]].find((part) => part !== undefined && /^(?:2d|3d_)/.test(part)) ??
      likelyConfiguration(plans, stage, trainer),
    datasetName: [parts[folder - 1]].find((part) => part !== undefined && /^Task\d{3,}_/.test(part)) ?? null,
    plansName: parts[folder]?.split("__").at(1) ?? "nnUNetPlansv2.1",
  };
}

/**
 * Reads the arguments that nnU-Net passes to the trainer by position: plans file, fold, output folder,
 * dataset folder, batch dice, stage, … Trainers for several GPUs have the process number before the output
 * folder.
 *
 * Source: `restore_model` in nnunet/training/model_restore.py; nnUNetTrainerV2_DDP.
 */
function trainerArguments(init: readonly Field[]) {
  const hasLocalRank = init[2]?.isNumber ?? false;
  const outputIndex = hasLocalRank ? 3 : 2;
  return { outputFolder: init[outputIndex], stage: init[outputIndex + 3] };
}

/** nnU-Net's own files are below 1 MB, even with thousands of training cases. */
const maxPickleBytes = 128 * 2 ** 20;

async function readSmallFile(file: string): Promise<Uint8Array> {
  try {
    const info = await stat(file);
    if (!info.isFile()) throw new Error("it is not a regular file");
    if (info.size <= maxPickleBytes) return await readFile(file);
  } catch (cause) {
    throw builderError("MODEL_FILE_INVALID", `${file} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  throw builderError("CHECKPOINT_REFUSED", `${file} is larger than ${maxPickleBytes} bytes`);
}

/** Returns the training's stage. A training without a stage has plans with only one stage. */
function readStage(plans: Field, stage: Field | undefined): string {
  const stages = plans.get("plans_per_stage").keys();
  const name = stage === undefined || stage.isNull ? stages[0] : String(stage.integer());
  if (name === undefined || !stages.includes(name) || (stage?.isNull && stages.length > 1)) {
    throw builderError(
      "MODEL_FILE_INVALID",
      `${plans.path} has the stages ${stages.join(", ")}, but the training's stage is ${stage?.text() ?? "not named"}`,
    );
  }
  return name;
}

function likelyConfiguration(plans: Field, stage: string, trainer: string): string {
  if (trainer.includes("Cascade")) return "3d_cascade_fullres";
  const stages = plans.get("plans_per_stage");
  if (stages.get(stage).get("patch_size").list().length === 2) return "2d";
  return stages.keys().length > 1 && stage === "0" ? "3d_lowres" : "3d_fullres";
}
