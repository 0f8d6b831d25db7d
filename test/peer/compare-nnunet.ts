import { readdirSync } from "node:fs";
import { join } from "node:path";
import { nnunetBin } from "../bench/nnunet-peer.js";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { type Answer, compareAnswers, summaryOf } from "./compare-answers.js";
import { runToEnd } from "./run-to-end.js";

/** The golden models that need no segmentation of an earlier stage. */
const models = [
  "blobs_3d_fullres",
  "blobs_2d",
  "mr_regions_resenc_3d",
  "cascade_3d_lowres",
  "sagittal_transposed",
  "photos_2d",
  "brain_tissue_3d",
];

/** Runs the real nnU-Net and `predict` with default settings on every case; returns how many voxels differ. */
export async function compareWithNnunet(scratch: string): Promise<string> {
  const answers: Answer[] = [];
  for (const name of models) {
    const model = goldenPath("v2", name, "model");
    const input = goldenPath("v2", name, "input");
    const [ours, theirs] = [join(scratch, name, "ours"), join(scratch, name, "nnunet")];
    const program = join(repositoryRoot, "dist", "build_processor.js");
    await runToEnd(process.execPath, [
      ...[program, "predict", "--model-dir", model, "-i", input, "-o", ours, "--save-probabilities"],
    ]);
    const folds = readdirSync(model).flatMap((file) => /^fold_(.+)$/.exec(file)?.[1] ?? []);
    await runToEnd(join(nnunetBin(), "nnUNetv2_predict_from_modelfolder"), [
      ...["-i", input, "-o", theirs, "-m", model, "-f", ...folds, "-device", "cpu"],
    ]);
    const compared = await compareAnswers(model, { ours, theirs });
    for (const answer of compared) console.log(`${name}: ${answer.margins.length} voxels differ`);
    answers.push(...compared);
  }
  return `${summaryOf(answers)}, in ${answers.length} cases of ${models.length} models`;
}
