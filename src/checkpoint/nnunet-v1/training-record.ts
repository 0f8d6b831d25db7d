import { readFile, stat } from "node:fs/promises";
import { builderError } from "../../errors/builder-errors.js";
import { Field } from "../fields.js";
import { readPickle } from "../pickle/read-pickle.js";
import { checkpointGlobals } from "../torch/torch-globals.js";

/** What nnU-Net v1 keeps beside a checkpoint (`*.model.pkl`): trainer, plans and where the training lay. */
export interface TrainingRecord {
  /** Class name: `nnUNetTrainerV2`. */
  readonly trainer: string;
  /** The whole of plans.pkl; prediction takes it from here. */
  readonly plans: Field;
  /** Key of `plans_per_stage`. */
  readonly stage: string;
  /** `3d_fullres`, …: as the training's output folder was named, else as the plans suggest. */
  readonly configuration: string;
  /** `Task004_Hippocampus`; null when the output folder had another name. */
  readonly datasetName: string | null;
  /** `nnUNetPlansv2.1`. */
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
 * nnU-Net passes them to the trainer by position: plans file, fold, output folder, dataset folder, batch dice, stage, …
 * Trainers for several GPUs have the number of the process before the output folder.
 *
 * Source: `restore_model` in nnunet/training/model_restore.py; nnUNetTrainerV2_DDP.
 */
function trainerArguments(init: readonly Field[]) {
  const hasLocalRank = init[2]?.isNumber ?? false;
  const outputIndex = hasLocalRank ? 3 : 2;
  return { outputFolder: init[outputIndex], stage: init[outputIndex + 3] };
}

/** nnU-Net's are below 1 MB, also for thousands of training cases. */
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

/** A training without stage has plans of one stage only. */
function readStage(plans: Field, stage: Field | undefined): string {
  const stages = plans.get("plans_per_stage").keys();
  const name = stage === undefined || stage.isNull ? stages[0] : String(stage.integer());
  if (name === undefined || !stages.includes(name) || (stage?.isNull && stages.length > 1)) {
    throw builderError(
      "MODEL_FILE_INVALID",
      `${plans.path} has the stages ${stages.join(", ")}, the training's is ${stage?.text() ?? "not named"}`,
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
