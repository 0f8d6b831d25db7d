import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import type { ImageSettings } from "../../../processor/contract/run-settings.js";
import { predictDefaults } from "../../../processor/contract/setting-choices.js";
import { type ConvertedModel, convertModel } from "../../../src/convert/convert-model.js";
import { goldenPath } from "../golden.js";
import { neverStopped } from "../never-stopped.js";
import { modelIn } from "./model-in.js";
import { singleModel } from "./single-model.js";

export const testSettings: ImageSettings = {
  ...predictDefaults(),
  device: "cpu",
  allowedExtensions: ["nii.gz"],
  outputExtension: "nii.gz",
};

export interface ConvertGoldenOptions {
  readonly name: string;
  readonly version?: "v1" | "v2";
  readonly outputDir: string;
  /** Replace those of `testSettings`. */
  readonly settings?: Partial<ImageSettings>;
}

/** Converts a golden model of nnU-Net v2 or v1. */
export async function convertGolden(options: ConvertGoldenOptions): Promise<ConvertedModel> {
  const { name, version = "v2", outputDir, settings } = options;
  return convertModel({
    models: singleModel(await modelIn(goldenPath(version, name, "model"))),
    settings: { ...testSettings, ...settings },
    outputDir,
    progress: silentProgress,
    signal: neverStopped(),
  });
}

/** Converts a model folder into a temporary folder, which is removed when `use` returns. */
export async function withConvertedModel<T>(
  modelDir: string,
  use: (converted: ConvertedModel) => Promise<T>,
): Promise<T> {
  const parent = mkdtempSync(join(tmpdir(), "converted-"));
  try {
    const model = await modelIn(modelDir);
    const outputDir = join(parent, "model");
    const progress = silentProgress;
    return await use(
      await convertModel({
        models: singleModel(model),
        settings: testSettings,
        outputDir,
        progress,
        signal: neverStopped(),
      }),
    );
  } finally {
    rmSync(parent, { recursive: true });
  }
}
