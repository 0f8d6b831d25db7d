import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../../../processor/contract/progress/progress.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { exists } from "../../../processor/files/exists.js";
import { whyNotFound } from "../../../processor/files/why-unreadable.js";
import { readAnyLabelMap } from "../../../processor/imaging/formats/read-label-map.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { type FloatArray, readNpy, readNpz } from "../files/read-npz.js";

export interface EvaluateNvidiaOptions {
  /** A folder with files of probabilities, `<case>.npy` or `<case>.npy.npz`. */
  readonly predictionFolder: string;
  /** A folder with the right segmentations, `<case>.nii.gz`. */
  readonly referenceFolder: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** The Dice scores that NVIDIA's `evaluate.py` prints. */
export interface NvidiaEvaluation {
  readonly meanDice: number;
  /** The mean over the cases of each label, from label 1. */
  readonly diceOfLabels: readonly number[];
  readonly cases: readonly NvidiaCaseScore[];
}

export interface NvidiaCaseScore {
  readonly name: string;
  readonly diceOfLabels: readonly number[];
}

/**
 * Scores probabilities as NVIDIA's `evaluate.py`: the largest probability wins, Dice of each label but the background,
 * 1 if neither has the label; means over cases, then over labels.
 *
 * @throws INPUT_NOT_FOUND without predictions or for a missing reference; PROBABILITIES_INVALID
 */
export async function evaluateNvidia(options: EvaluateNvidiaOptions): Promise<NvidiaEvaluation> {
  const { predictionFolder, referenceFolder, progress, signal } = options;
  const names = await predictionsIn(predictionFolder);
  const task = progress.start({ label: "scoring", total: names.length, unit: "cases" });
  const cases: NvidiaCaseScore[] = [];
  try {
    for (const file of names) {
      signal.throwIfAborted();
      const name = file.replace(/\.npy(?:\.npz)?$/, "");
      const reference = await referenceOf(name, referenceFolder);
      const path = join(predictionFolder, file);
      const array = file.endsWith(".npz") ? await readNpz(path, "arr_0") : await readNpy(path);
      cases.push({ name, diceOfLabels: await diceOf(array, reference, path) });
      requireSameLabels(cases, path);
      task.advance(1);
    }
  } finally {
    task.done();
  }
  const labels = cases[0]!.diceOfLabels.map((_, i) =>
    mean(cases.map(({ diceOfLabels }) => diceOfLabels[i]!)),
  );
  return { meanDice: mean(labels), diceOfLabels: labels, cases };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

async function predictionsIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder).catch(async (cause: unknown) => {
    throw sharedError("INPUT_NOT_FOUND", `${folder}${await whyNotFound(folder, cause)}`, { cause });
  });
  const names = entries.filter((name) => /\.npy(?:\.npz)?$/.test(name)).sort();
  if (names.length > 0) return names;
  throw sharedError("INPUT_NOT_FOUND", `${folder} holds no <case>.npy or <case>.npy.npz`);
}

async function referenceOf(name: string, folder: string): Promise<string> {
  for (const ending of [".nii.gz", ".nii"])
    if (await exists(join(folder, name + ending))) return join(folder, name + ending);
  throw sharedError("INPUT_NOT_FOUND", `${folder} holds no ${name}.nii.gz, the reference of ${name}`);
}

async function diceOf(
  { shape, values }: FloatArray,
  referenceFile: string,
  file: string,
): Promise<readonly number[]> {
  const [heads = 0, ...size] = shape;
  const { voxels, geometry } = await readAnyLabelMap(referenceFile, 3);
  if (size.length !== 3 || heads < 2 || size.some((length, axis) => length !== geometry.sizeZyx[axis]))
    throw nnunetError(
      "PROBABILITIES_INVALID",
      `${file}: probabilities of ${shape.join(" × ")} do not fit ${referenceFile}, which has ${geometry.sizeZyx.join(" × ")} voxels (z × y × x)`,
    );
  const count = voxels.length;
  const [both, found, right] = [0, 1, 2].map(() => new Float64Array(heads)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let i = 0; i < count; i++) {
    let label = 0;
    for (let head = 1; head < heads; head++)
      if (values[head * count + i]! > values[label * count + i]!) label = head;
    const reference = voxels[i]!;
    found[label]!++;
    if (reference < heads) right[reference]!++;
    if (reference === label) both[label]!++;
  }
  return Array.from({ length: heads - 1 }, (_, i) => {
    const all = found[i + 1]! + right[i + 1]!;
    return all === 0 ? 1 : (2 * both[i + 1]!) / all;
  });
}

function requireSameLabels(cases: readonly NvidiaCaseScore[], file: string): void {
  const [first, last] = [cases[0]!.diceOfLabels.length, cases.at(-1)!.diceOfLabels.length];
  if (first === last) return;
  throw nnunetError(
    "PROBABILITIES_INVALID",
    `${file}: it has ${last + 1} classes, but ${cases[0]!.name} has ${first + 1}`,
  );
}
