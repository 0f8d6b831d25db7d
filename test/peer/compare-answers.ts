import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { readNpz } from "../support/model/read-npz.js";

/** nnU-Net adds up windows in float16, which moves logits by up to 0.6 (test/golden/README.md) and so a tie by this much. */
const mostMargin = 0.15;

/** The part of the voxels that may differ, as in test/golden/README.md. */
const mostDiffering = 1e-4;

export interface Answer {
  readonly voxels: number;
  /** The voxels that are not background in nnU-Net's segmentation. */
  readonly foreground: number;
  /** For each voxel that differs: how far our probabilities are from the value at which the label changes. */
  readonly margins: readonly number[];
}

/**
 * Compares each segmentation in `theirs`, which nnU-Net wrote with the model, with ours in `ours`, which
 * `predict --save-probabilities` wrote.
 */
export async function compareAnswers(
  model: string,
  folders: { readonly ours: string; readonly theirs: string },
): Promise<readonly Answer[]> {
  const { ours, theirs } = folders;
  const dataset = JSON.parse(readFileSync(join(model, "dataset.json"), "utf8")) as object;
  const hasRegions = "regions_class_order" in dataset;
  const answers: Answer[] = [];
  for (const file of readdirSync(theirs).filter((name) => !/\.(json|npz|pkl)$/.test(name)))
    answers.push(await compareAnswer(join(ours, file), join(theirs, file), hasRegions));
  return answers;
}

async function compareAnswer(path: string, expectedPath: string, hasRegions: boolean): Promise<Answer> {
  const [found, expected] = [await readImage(path), await readImage(expectedPath)];
  const { data, shape } = readNpz(path.replace(/\.(nii\.gz|[^.]+)$/, ".npz"), "probabilities");
  const voxels = expected.voxels.length;
  if (found.voxels.length !== voxels || data.length !== voxels * shape[0]!)
    throw new Error(`${path} has ${found.voxels.length} voxels, not ${voxels}`);
  const probability = (head: number, voxel: number): number => data[head * voxels + voxel]!;
  const heads = Array.from({ length: shape[0]! }, (_, head) => head);
  let foreground = 0;
  const margins: number[] = [];
  for (let i = 0; i < voxels; i++) {
    const [label, expectedLabel] = [Number(found.voxels[i]), Number(expected.voxels[i])];
    if (expectedLabel !== 0) foreground++;
    if (label === expectedLabel) continue;
    margins.push(
      hasRegions
        ? Math.min(...heads.map((head) => Math.abs(probability(head, i) - 0.5)))
        : (probability(label, i) - probability(expectedLabel, i)) / 2,
    );
  }
  return { voxels, foreground, margins };
}

/**
 * Says how many voxels differ.
 *
 * @throws Error if too many voxels differ, or one whose label is clear, or if there is nothing but background
 */
export function summaryOf(answers: readonly Answer[]): string {
  const sum = (count: (answer: Answer) => number) =>
    answers.reduce((total, answer) => total + count(answer), 0);
  if (sum(({ foreground }) => foreground) === 0)
    throw new Error("nnU-Net found nothing but background, so that there is nothing to compare");
  const differing = sum(({ margins }) => margins.length);
  const voxels = sum((answer) => answer.voxels);
  const summary = `${differing} of ${voxels} voxels differ`;
  if (differing === 0) return summary;
  const margin = Math.max(...answers.flatMap(({ margins }) => margins));
  const details = `${summary}, where probabilities are within ${margin.toFixed(4)} of a tie`;
  if (margin > mostMargin || differing > voxels * mostDiffering) throw new Error(details);
  return details;
}
