import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { freeBytes } from "./check-training.js";
import { logNames } from "./log-names.js";
import type { TrainerCommand } from "./trainer-command.js";
import { removeContainer } from "./training-container.js";
import { type LogReader, type TrainingEvent, TrainingLog } from "./training-log.js";

export interface TrainFoldOptions {
  readonly command: TrainerCommand;
  readonly foldFolder: string;
  /** Reads the program's output; that of nnU-Net v2 if absent. */
  readonly log?: LogReader;
  readonly onEvent: (event: TrainingEvent) => void;
  /** Called with the process that trains. */
  readonly onStart?: (pid: number) => Promise<void>;
  /** Called when the first epoch starts, so when nnU-Net has found nothing to refuse. */
  readonly onBegin?: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Less would not hold the next checkpoint of nnU-Net's largest network. */
const neededBytes = 1e9;

/** A checkpoint of nnU-Net's largest network has 2 GB. */
const longestSaveMs = 120_000;

/** Workers end by themselves soon after nnU-Net, unless it was killed, for which they wait for ever. */
const workersMs = 5000;

/** The number of last lines that are kept for the message of a failure. */
const keptLines = 200;

/**
 * Runs nnU-Net's training of one fold to its end and reports what its log says. If it is stopped, the checkpoints that
 * nnU-Net has written stay, and a later run continues from them: a stop waits until a checkpoint is written.
 *
 * @throws TRAINER_NOT_FOUND, TRAINING_FAILED, TRAINING_DIVERGED if the loss is NaN, DISK_FULL
 */
export async function trainFold(options: TrainFoldOptions): Promise<void> {
  const { foldFolder, onEvent, signal } = options;
  const { program, argv, environment, container } = options.command;
  signal.throwIfAborted();
  // A group of its own: nnU-Net's workers end with it, and Ctrl-C reaches this program only, which then ends them.
  const child = spawn(program, argv, {
    env: { ...environment, PYTHONUNBUFFERED: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const ended = new Promise<{ readonly code: number | null; readonly signalName: string | null }>(
    (resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signalName) => resolve({ code, signalName }));
    },
  );
  const killNow = (): void => {
    endGroup(child.pid, "SIGKILL");
    if (container !== null) spawnSync("docker", ["kill", container], { stdio: "ignore", env: environment });
  };
  let stopReason: unknown = null;
  let isSaving = false;
  let hasBegun = false;
  let giveUp: NodeJS.Timeout | null = null;
  let endWorkers: NodeJS.Timeout | null = null;
  child.once("exit", () => {
    isSaving = false;
    // They hold its output open, so that it would never be read to its end.
    endWorkers = setTimeout(() => endGroup(child.pid, "SIGKILL"), workersMs);
  });
  const stop = (reason: unknown): void => {
    stopReason ??= reason;
    if (isSaving) giveUp ??= setTimeout(() => endGroup(child.pid), longestSaveMs);
    else endGroup(child.pid);
  };
  const onAbort = (): void => {
    // A second Ctrl-C ends this program at once, and must end nnU-Net before.
    for (const name of ["SIGINT", "SIGTERM"] as const) process.prependListener(name, killNow);
    stop(signal.reason);
  };
  signal.addEventListener("abort", onAbort);
  const log: LogReader = options.log ?? new TrainingLog();
  const lastLines: string[] = [];
  const read = (line: string): void => {
    lastLines.push(line.slice(0, 500));
    if (lastLines.length > keptLines) lastLines.shift();
    const event = log.read(line);
    // Checkpoints are written in place: by v2 between the last line of an epoch and the first one of the next.
    if (log.isSaving !== undefined) isSaving = log.isSaving;
    else if (event !== null) isSaving = event.kind === "epoch";
    if (stopReason !== null && !isSaving) endGroup(child.pid);
    if (event === null) return;
    if (event.kind === "epoch-started" && !hasBegun) {
      hasBegun = true;
      void options.onBegin?.().catch(stop);
    }
    onEvent(event);
    if (event.kind === "epoch" && Number.isNaN(event.result.trainLoss))
      stop(
        nnunetError(
          "TRAINING_DIVERGED",
          `${foldFolder}: the loss of epoch ${event.result.epoch} is NaN, which no later epoch can mend`,
        ),
      );
    if (event.kind === "epoch") void checkDisk(foldFolder).catch(stop);
  };
  // Nothing that it prints is reported before it is noted.
  const isNoted = child.pid === undefined ? null : options.onStart?.(child.pid).catch(stop);
  for (const input of [child.stdout, child.stderr])
    createInterface({ input }).on("line", async (line) => {
      await isNoted;
      read(line);
    });
  try {
    const { code, signalName } = await ended.catch((cause: unknown) => {
      throw nnunetError("TRAINER_NOT_FOUND", unstarted(program, cause), { cause });
    });
    // The container may outlive the program that runs it.
    if (container !== null && code !== 0 && code !== dockerFailed)
      await removeContainer(container, environment);
    await isNoted;
    if (stopReason !== null) throw stopReason;
    if (program === "docker" && code === dockerFailed)
      throw nnunetError("TRAINER_NOT_FOUND", dockerReason(lastLines));
    if (code !== 0) throw await failure(options, lastLines, signalName ?? `exit code ${code}`);
  } finally {
    signal.removeEventListener("abort", onAbort);
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, killNow);
    for (const timer of [giveUp, endWorkers]) if (timer !== null) clearTimeout(timer);
  }
}

function endGroup(pid: number | undefined, signalName: "SIGTERM" | "SIGKILL" = "SIGTERM"): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signalName);
  } catch {
    // The group has ended already.
  }
}

async function checkDisk(folder: string): Promise<void> {
  const free = await freeBytes(folder);
  if (free !== null && free < neededBytes)
    throw sharedError(
      "DISK_FULL",
      `${folder}: ${(free / 1e9).toFixed(1)} GB are free, too little for the next checkpoint; the last one is kept`,
    );
}

/** Says why a program could not be started. */
function unstarted(program: string, cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code !== "ENOENT") return `${program} cannot be run: ${message}`;
  return /[\\/]/.test(program) ? `${program} does not exist` : `${program} is not in PATH`;
}

/** The exit code of `docker run` if Docker itself fails, so that the container never starts. */
const dockerFailed = 125;

const dockerReason = (lines: readonly string[]): string =>
  lines.findLast((line) => line.startsWith("docker: ")) ?? "docker cannot run the image";

/** Returns the exception that Python printed last, or how the program ended, and the name of the log if there is one. */
async function failure(
  { foldFolder }: TrainFoldOptions,
  lines: readonly string[],
  how: string,
): Promise<Error> {
  const exception = lastException(lines);
  const killed = how === "SIGKILL" ? " (the system may have run out of memory)" : "";
  const [log] = await logNames(foldFolder);
  return nnunetError(
    "TRAINING_FAILED",
    `${foldFolder}: the training ended with ${how}${killed}${exception === undefined ? "" : `: ${exception}`}${log === undefined ? "" : `; its log is ${join(foldFolder, log)}`}`,
  );
}

/** A worker that ends prints its own exception first; the main process then prints this one, which only refers to it. */
const pointsAtWorker = /background workers are no longer alive/;

/** Returns the first line after the last traceback that is not one of its indented lines, and not about a worker's end. */
function lastException(lines: readonly string[]): string | undefined {
  const found: string[] = [];
  let isInTraceback = false;
  for (const line of lines) {
    if (/^Traceback \(most recent call last\):/.test(line)) isInTraceback = true;
    else if (
      isInTraceback ? /^[\w.]+(?::|$)/.test(line) : /^[A-Za-z_.]*(?:Error|Exception|Interrupt)\b/.test(line)
    ) {
      found.push(line);
      isInTraceback = false;
    }
  }
  return found.findLast((line) => !pointsAtWorker.test(line)) ?? found.at(-1);
}
