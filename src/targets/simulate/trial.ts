import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { places } from "../../../processor/contract/places.js";
import type { ContainerEnd, RunningContainer } from "../../docker/sandbox/container-run.js";
import type { SandboxVolume } from "../../docker/sandbox/sandbox.js";
import { type Finding, fail, notChecked, pass } from "../../ground/finding.js";
import { checkEnd, checkLog, checkMemory } from "./check-run.js";
import type { ExpectedOutput } from "./expected-output.js";
import { lintOutput } from "./lint-output.js";
import type { PhaseResult } from "./phase-result.js";
import type { Trial } from "./simulation.js";

/** The settings of one run. */
export interface Run {
  readonly phase: string;
  readonly cases: readonly ExpectedOutput[];
  /** Lays the cases out in a folder that becomes the input. */
  readonly layOut: (folder: string) => Promise<void>;
  readonly inputTarget: string;
  readonly outputTarget: string;
  /** Null for the image's own. */
  readonly user: string | null;
  readonly command: readonly string[] | null;
}

/** Returns false after a process that ended by itself at once, which can't show how it takes SIGTERM. */
export const hasRun = (phases: readonly PhaseResult[]): boolean =>
  phases.every(({ findings }) => findings.some(({ check, result }) => check === "exit" && result === "pass"));

/** Reported where the platform has a GPU. */
export const noGpu = notChecked("gpu", "this run had no GPU");

/** Does work and shows what it is, and on a terminal for how long. */
export async function withProgress<T>(
  { progress }: Pick<Trial, "progress">,
  label: string,
  work: () => Promise<T>,
): Promise<T> {
  progress.note(label);
  const task = progress.start({ label, unit: "seconds" });
  try {
    return await work();
  } finally {
    task.done();
  }
}

export interface Volumes {
  readonly input: SandboxVolume;
  readonly output: SandboxVolume;
}

/** One process: it reads its input, writes its output and ends. */
export const runToEnd = (trial: Trial, run: Run): Promise<PhaseResult> =>
  withProgress(trial, `${run.phase}: running until it ends`, () => runProcess(trial, run));

async function runProcess(trial: Trial, run: Run): Promise<PhaseResult> {
  const volumes = await createVolumes(trial);
  await fillInput(trial, volumes, run);
  const processor = await startProcessor(trial, volumes, run);
  const { end, isLate } = await endWithin(processor, trial.timeoutSeconds);
  trial.signal.throwIfAborted();
  const output = await lintVolume(trial, volumes, run.cases);
  const findings = [
    checkEnd({ end, isLate, ...trial }),
    ...checkMemory(end, trial.memoryBytes),
    ...checkLog(end),
    ...output.findings,
  ];
  const { seconds, peakMemoryBytes, log } = end;
  const { segmentations } = output;
  return { phase: run.phase, seconds, peakMemoryBytes, findings, segmentations, log: log.lastLines };
}

/** A platform that stops a job gives it five seconds between SIGTERM and SIGKILL. */
const stopWithinSeconds = 5;
/** A start-up that says nothing is interrupted after this long. */
const quietSeconds = 3;

/** The same process, asked to end while it works. */
export const runAndStop = (trial: Trial, run: Run): Promise<PhaseResult> =>
  withProgress(trial, `${run.phase}: stopping it while it works`, () => startAndStop(trial, run));

async function startAndStop(trial: Trial, run: Run): Promise<PhaseResult> {
  const volumes = await createVolumes(trial);
  await fillInput(trial, volumes, run);
  const processor = await startProcessor(trial, volumes, run);
  await Promise.race([processor.spoke, delay(quietSeconds * 1000, undefined, { ref: false })]);
  const { seconds, finding } = await stopProcessor(processor);
  trial.signal.throwIfAborted();
  const { peakMemoryBytes, log } = await processor.ended;
  return {
    phase: run.phase,
    seconds,
    peakMemoryBytes,
    findings: [finding],
    segmentations: [],
    log: log.lastLines,
  };
}

/** SIGTERM, five seconds, SIGKILL. */
export async function stopProcessor(
  processor: RunningContainer,
): Promise<{ readonly seconds: number; readonly finding: Finding }> {
  if (processor.hasEnded()) return { seconds: 0, finding: notChecked("sigterm", "it had ended before") };
  const began = performance.now();
  await processor.kill("SIGTERM");
  const { isLate } = await endWithin(processor, stopWithinSeconds);
  const seconds = (performance.now() - began) / 1000;
  const finding = isLate
    ? fail(
        "sigterm",
        `it still ran ${stopWithinSeconds} s after SIGTERM and was killed`,
        "Handle SIGTERM: stop the work and exit; the first process of a container ignores it otherwise.",
      )
    : pass("sigterm", `it ended ${seconds.toFixed(1)} s after SIGTERM`);
  return { seconds, finding };
}

export async function createVolumes({ sandbox, reference }: Trial): Promise<Volumes> {
  return { input: await sandbox.createVolume(reference), output: await sandbox.createVolume(reference) };
}

export async function fillInput(
  { sandbox, scratch }: Trial,
  { input }: Volumes,
  { layOut }: Pick<Run, "layOut">,
): Promise<void> {
  const folder = await mkdtemp(join(scratch, "input-"));
  await layOut(folder);
  await sandbox.fill(input, folder);
}

export async function startProcessor(
  trial: Trial,
  { input, output }: Volumes,
  { inputTarget, outputTarget, user, command }: Run,
): Promise<RunningContainer> {
  const { sandbox, reference, simulation, memoryBytes, modelVolume, signal } = trial;
  const { environment, writable, keptMemoryBytes } = simulation;
  const mounts = [
    { volume: input, target: inputTarget, isReadOnly: true },
    { volume: output, target: outputTarget, isReadOnly: false },
    ...(modelVolume === null
      ? []
      : [{ volume: modelVolume, target: places.grandChallenge.uploadedModel, isReadOnly: true }]),
  ];
  const dataLimitBytes = keptMemoryBytes === null ? null : memoryBytes - keptMemoryBytes;
  const sharedMemoryBytes = Math.floor(memoryBytes / 2);
  const limits = { memoryBytes, dataLimitBytes, sharedMemoryBytes };
  return sandbox.start(
    {
      reference,
      user,
      entrypoint: null,
      command,
      environment,
      writable,
      mounts,
      ...limits,
      gpus: null,
      onOutput: null,
    },
    signal,
  );
}

export async function lintVolume(
  { sandbox, scratch, simulation, labels, minDice, departures }: Trial,
  { output }: Pick<Volumes, "output">,
  cases: readonly ExpectedOutput[],
) {
  const folder = await mkdtemp(join(scratch, "output-"));
  const leftOut = await sandbox.collect(output, folder);
  const linted = await lintOutput({ folder, cases, rules: simulation.output, labels, minDice, departures });
  const links = leftOut.map((path) =>
    fail("regular-files", `${path} is neither a file nor a folder`, "Write files, not links."),
  );
  return { ...linted, findings: [...links, ...linted.findings] };
}

interface EndInTime {
  readonly end: ContainerEnd;
  /** It was killed. */
  readonly isLate: boolean;
}

async function endWithin(processor: RunningContainer, seconds: number): Promise<EndInTime> {
  const timer = new AbortController();
  const inTime = await Promise.race([
    processor.ended,
    delay(seconds * 1000, null, { signal: timer.signal }).catch(() => null),
  ]);
  timer.abort();
  if (inTime !== null) return { end: inTime, isLate: false };
  await processor.kill("SIGKILL");
  return { end: await processor.ended, isLate: true };
}
