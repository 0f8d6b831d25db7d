import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { readJsonFile } from "../../checkpoint/read-json-file.js";
import type { NnunetVersion } from "../folders.js";
import { foldState, foldStateOfV1, plannedEpochs } from "./fold-state.js";
import { logNames } from "./log-names.js";
import { type LogReader, type TrainedEpoch, TrainingLog } from "./training-log.js";
import { TrainingLogOfV1 } from "./v1/training-log-v1.js";
import { validationDiceOfV1 } from "./v1/validation-dice-v1.js";

/** How far a fold is, from the files that nnU-Net writes while it trains, here or on another machine. */
export interface FoldProgress {
  /**
   * `silent` if the log has been the same for longer than an epoch takes: the training was stopped, or it hangs. `diverged` if
   * the last loss is NaN, which no later epoch can mend.
   */
  readonly state: "training" | "validating" | "silent" | "diverged" | "finished";
  /** The number of epochs that the trainer has set itself; null if its files do not say it. */
  readonly epochs: number | null;
  /** The last complete epoch. */
  readonly last: TrainedEpoch | null;
  /** Null if the fold is not being trained, or before its first epoch. */
  readonly secondsLeft: number | null;
  /** The mean Dice of the validation after the training; null before its end. */
  readonly validationDice: number | null;
  /** When the log was last written, in ms since 1970. */
  readonly changedMs: number;
  /** When nnU-Net last drew its curves, `progress.png`; null before the first time. */
  readonly pictureMs: number | null;
}

/** A log counts as silent after this many times the length of an epoch, but not before the time below has passed. */
const silentEpochs = 3;
const silentMs = 600_000;

/** Epochs whose mean length says how long the others will take. */
const timedEpochs = 20;

/** The end of a log that is read: hundreds of epochs. */
const readBytes = 500_000;

/** Returns how far a fold is; null if nothing was trained in its folder. */
export async function foldProgress(
  foldFolder: string,
  version: NnunetVersion,
  nowMs: number,
): Promise<FoldProgress | null> {
  const [newest, ...older] = await logsOf(foldFolder);
  if (newest === undefined) return null;
  let recent = await epochsOf(newest.path, version);
  // A training that was just continued has no complete epoch in its newest log.
  for (const log of older) {
    if (recent.length > 0) break;
    recent = await epochsOf(log.path, version);
  }
  const last = recent.at(-1) ?? null;
  const epochs = await plannedEpochs(foldFolder);
  const timed = recent.slice(-timedEpochs);
  const meanSeconds = timed.reduce((sum, { seconds }) => sum + seconds, 0) / timed.length;
  const saved = await (version === 1 ? foldStateOfV1 : foldState)(foldFolder);
  const longest = Math.max(silentMs, silentEpochs * 1000 * (timed.length === 0 ? 0 : meanSeconds));
  const isSilent = nowMs - newest.changedMs > longest;
  const state =
    saved === "finished"
      ? "finished"
      : Number.isNaN(last?.trainLoss)
        ? "diverged"
        : isSilent
          ? "silent"
          : saved === "not-validated"
            ? "validating"
            : "training";
  const left = last === null || epochs === null ? null : epochs - last.epoch - 1;
  return {
    state,
    epochs,
    last,
    secondsLeft: state === "training" && left !== null ? left * meanSeconds : null,
    validationDice: saved === "finished" ? await validationDice(foldFolder, version) : null,
    changedMs: newest.changedMs,
    pictureMs: (await stat(join(foldFolder, "progress.png")).catch(() => null))?.mtimeMs ?? null,
  };
}

interface LogFile {
  readonly path: string;
  readonly changedMs: number;
}

/** Returns the logs of a fold, the newest first. */
async function logsOf(foldFolder: string): Promise<readonly LogFile[]> {
  const logs: LogFile[] = [];
  for (const name of await logNames(foldFolder)) {
    const found = await stat(join(foldFolder, name)).catch(() => null);
    if (found?.isFile() === true) logs.push({ path: join(foldFolder, name), changedMs: found.mtimeMs });
  }
  return logs;
}

async function epochsOf(path: string, version: NnunetVersion): Promise<readonly TrainedEpoch[]> {
  const log: LogReader = version === 1 ? new TrainingLogOfV1() : new TrainingLog();
  const lines = (await endOf(path)).split("\n");
  return lines.flatMap((line) => {
    const event = log.read(line);
    return event?.kind === "epoch" ? [event.result] : [];
  });
}

async function endOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(size, readBytes));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Returns null also while nnU-Net writes the file, or if it is damaged: one fold must not hide the others. */
async function validationDice(foldFolder: string, version: NnunetVersion): Promise<number | null> {
  if (version === 1) return validationDiceOfV1(foldFolder).catch(() => null);
  const dice = await readJsonFile(join(foldFolder, "validation", "summary.json"))
    .then((summary) => summary.get("foreground_mean").get("Dice").raw)
    .catch(() => null);
  return typeof dice === "number" ? dice : null;
}
