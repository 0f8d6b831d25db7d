import { readdirSync } from "node:fs";
import { join } from "node:path";
import { nnunetBin } from "../bench/nnunet-peer.js";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { compareSegmentations } from "../support/images/compare-segmentations.js";
import { runToEnd } from "./run-to-end.js";

/** All that need no earlier stage's segmentation. */
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
  let [cases, voxels, differing] = [0, 0, 0];
  for (const name of models) {
    const model = goldenPath("v2", name, "model");
    const input = goldenPath("v2", name, "input");
    const [ours, theirs] = [join(scratch, name, "ours"), join(scratch, name, "nnunet")];
    const program = join(repositoryRoot, "dist", "build_processor.js");
    await runToEnd(process.execPath, [program, "predict", "--model-dir", model, "-i", input, "-o", ours]);
    const folds = readdirSync(model).flatMap((file) => /^fold_(.+)$/.exec(file)?.[1] ?? []);
    await runToEnd(join(nnunetBin(), "nnUNetv2_predict_from_modelfolder"), [
      ...["-i", input, "-o", theirs, "-m", model, "-f", ...folds, "-device", "cpu"],
    ]);
    for (const file of readdirSync(theirs).filter((candidate) => !candidate.endsWith(".json"))) {
      const compared = await compareSegmentations(join(ours, file), join(theirs, file));
      cases++;
      voxels += compared.voxels;
      differing += compared.differing;
    }
  }
  if (cases === 0) throw new Error("nnU-Net wrote no segmentation");
  // Float sums in another order turn a voxel whose two labels are equally likely.
  if (differing > voxels * 1e-5) throw new Error(`${differing} of ${voxels} voxels differ in ${cases} cases`);
  return `${differing} of ${voxels} voxels differ in ${cases} cases of ${models.length} models`;
}
