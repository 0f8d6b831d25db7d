import { symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  gibibyte,
  type KnownCase,
  type Phases,
  type PhasesOptions,
  type Simulation,
  type Trial,
} from "./simulation.js";
import { hasRun, type Run, runAndStop, runToEnd } from "./trial.js";
import { linkAll } from "./trial-cases.js";

/** Simulates a host that mounts a folder of images and a folder for segmentations, without further rules. */
export const folderSimulation: Simulation = {
  memoryBytes: 8 * gibibyte,
  keptMemoryBytes: null,
  environment: [],
  writable: [],
  output: { layout: "by-case-name", endings: null, isEightBitOnly: false },
  run: runFolder,
};

/** Runs one process for all cases, then another one that is stopped. */
async function runFolder({ trial: rest, image, cases }: PhasesOptions): Promise<Phases> {
  const trial: Trial = { ...rest, reference: image.reference };
  const run: Run = {
    phase: "run",
    cases,
    layOut: (folder) => layOutFiles(cases, folder),
    inputTarget: "/input",
    outputTarget: "/output",
    user: null,
    command: null,
  };
  const phases = [await runToEnd(trial, run)];
  if (hasRun(phases)) phases.push(await runAndStop(trial, { ...run, phase: "stop" }));
  return { findings: [], phases };
}

/** Links the images of all cases into a folder, under the names that the cases give them. */
export async function layOutFiles(cases: readonly KnownCase[], folder: string): Promise<void> {
  for (const { images, folder: own, fileNames } of cases) {
    if (own !== null) await linkAll(own, folder);
    else
      for (const [channel, image] of images.entries())
        await symlink(image, join(folder, fileNames?.[channel] ?? basename(image)));
  }
}
