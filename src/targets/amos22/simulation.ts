import { basename } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { splitImageEnding } from "../../../processor/imaging/formats/image-ending.js";
import { layOutFiles } from "../simulate/folder-simulation.js";
import type { PhaseResult } from "../simulate/phase-result.js";
import {
  gibibyte,
  type KnownCase,
  type Phases,
  type PhasesOptions,
  type Simulation,
  type Trial,
} from "../simulate/simulation.js";
import { noGpu, runToEnd } from "../simulate/trial.js";
import { checkTeamName } from "./preflight.js";

export const amosSimulation: Simulation = {
  memoryBytes: 30 * gibibyte,
  keptMemoryBytes: null,
  environment: ["NVIDIA_VISIBLE_DEVICES=all"],
  writable: [],
  output: { layout: "same-file-name", endings: [".nii.gz"], isEightBitOnly: false },
  run: runAmos22,
};

async function runAmos22(options: PhasesOptions): Promise<Phases> {
  const { image, cases } = options;
  const trial: Trial = { ...options.trial, reference: image.reference };
  const command = ["python", "run_inference.py"];
  requireFiles(cases);
  const first = renamed(cases[0]!, "scan of 21.Nov_b");
  const whole = {
    phase: "workspace",
    cases,
    layOut: (folder: string) => layOutFiles(cases, folder),
    inputTarget: "/workspace/input",
    outputTarget: "/workspace/output",
    user: "root",
    command,
  };
  const other = {
    phase: "input",
    cases: [first],
    layOut: (folder: string) => layOutFiles([first], folder),
    inputTarget: "/input",
    outputTarget: "/output",
    user: "1000:1000",
    command,
  };
  const phases: PhaseResult[] = [];
  for (const run of [whole, other]) {
    phases.push(await runToEnd(trial, run));
  }
  return { findings: [checkTeamName(image.reference), noGpu], phases };
}

function requireFiles(cases: readonly KnownCase[]): void {
  const other = cases.flatMap(({ images }) => images).find((image) => !image.endsWith(".nii.gz"));
  if (other !== undefined || cases.some(({ folder }) => folder !== null))
    throw sharedError(
      "USAGE",
      `AMOS22's input is a folder of .nii.gz files; ${other ?? "there are folders"}`,
    );
}

/** Gives the input another name, under which the image must also write its answer. */
function renamed(known: KnownCase, name: string): KnownCase {
  const fileNames = known.images.map((image) => `${name}${splitImageEnding(basename(image))!.ending}`);
  return { ...known, name, fileNames };
}
