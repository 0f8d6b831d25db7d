import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelManifest } from "../../../processor/contract/manifest.js";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { readLabelMap } from "../../../processor/imaging/formats/read-label-map.js";
import { stackChannels } from "../../../processor/imaging/formats/stack-channels.js";
import type { Prepared } from "../../../processor/runtime/preprocess/prepared.js";
import { preprocess } from "../../../processor/runtime/preprocess/preprocess.js";
import type { RuntimePool } from "../../../processor/runtime/threads/kernels.js";
import { goldenPath } from "../golden.js";
import { convertGolden } from "./convert.js";

/** A golden model of nnU-Net v2 after conversion, with its only case. */
export interface GoldenCase {
  readonly name: string;
  readonly caseName: string;
  readonly model: ModelManifest;
  /** The folder of the converted model. */
  readonly folder: string;
  readonly inputDir: string;
  readonly expectedDir: string;
  /** Segmentations of the earlier stage; null unless the model is the second stage of a cascade. */
  readonly previousStageDir: string | null;
}

export const goldenV2 = [
  "blobs_2d",
  "blobs_3d_fullres",
  "brain_tissue_3d",
  "cascade_3d_cascade_fullres",
  "cascade_3d_lowres",
  "mr_regions_resenc_3d",
  "photos_2d",
  "sagittal_transposed",
] as const;

export const goldenV1 = [
  "blobs_2d",
  "blobs_3d_fullres",
  "cascade_3d_cascade_fullres",
  "cascade_3d_lowres",
  "mr_3d_fullres",
] as const;

/** Converts the golden model into a folder and removes it when `use` returns. */
export async function withGoldenCase<T>(
  name: string,
  use: (golden: GoldenCase) => Promise<T>,
  version: "v1" | "v2" = "v2",
): Promise<T> {
  const scratch = mkdtempSync(join(tmpdir(), "golden-"));
  try {
    const outputDir = join(scratch, "model");
    const { folder, manifest } = await convertGolden({ name, version, outputDir });
    const caseName = readdirSync(goldenPath(version, name, "expected"))[0]!;
    const model = manifest.models[0]!;
    return await use({
      ...{ name, caseName, model, folder },
      inputDir: goldenPath(version, name, "input"),
      expectedDir: goldenPath(version, name, "expected", caseName),
      previousStageDir:
        model.previousStage === null ? null : goldenPath(version, "cascade_3d_lowres", "expected", caseName),
    });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Preprocesses the case. */
export async function prepareGolden(golden: GoldenCase, pool: RuntimePool): Promise<Prepared> {
  const { model, inputDir, previousStageDir } = golden;
  const files = readdirSync(inputDir).sort();
  const images = await Promise.all(files.map((file) => readImage(join(inputDir, file))));
  const volume = stackChannels(images, { channelNames: model.channelNames, onWarning: () => {} });
  const previousStage =
    previousStageDir === null
      ? null
      : await readLabelMap(join(previousStageDir, "seg_tta.nii.gz"), volume.geometry);
  return preprocess(volume, { plan: model.plan, labels: model.labels, previousStage, pool });
}
