import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { type ConvertedModel, convertModel } from "../../../src/convert/convert-model.js";
import { membersOf, trainedModels } from "../../../src/models/obtain-models.js";
import { goldenPath } from "../golden.js";
import { neverStopped } from "../never-stopped.js";
import { testSettings } from "./convert.js";

/** A converted golden bundle of MONAI with its case. */
export interface MonaiCase {
  readonly converted: ConvertedModel;
  readonly inputFile: string;
  readonly expectedDir: string;
  /** A temporary folder. */
  readonly scratch: string;
}

export const monaiCases: readonly string[] = readdirSync(goldenPath("monai"))
  .filter((name) => statSync(goldenPath("monai", name)).isDirectory())
  .sort();

/** Converts a golden bundle. */
export async function withMonaiCase<T>(name: string, use: (found: MonaiCase) => Promise<T>): Promise<T> {
  const scratch = mkdtempSync(join(tmpdir(), "monai-"));
  try {
    const converted = await convertModel({
      models: await monaiModels(goldenPath("monai", name, "bundle")),
      settings: testSettings,
      outputDir: join(scratch, "converted"),
      progress: silentProgress,
      signal: neverStopped(),
    });
    return await use({
      converted,
      scratch,
      inputFile: goldenPath("monai", name, "input.nii.gz"),
      expectedDir: goldenPath("monai", name, "expected"),
    });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Finds the bundle in a folder. */
export const monaiModels = (modelDir: string) =>
  trainedModels(
    {
      members: membersOf({
        modelDirs: [modelDir],
        task: null,
        configurations: null,
        checkpointName: null,
        folds: [],
        nvidia: null,
      }),
      onnxFiles: null,
      previousStage: null,
      needsPreviousStage: false,
      postProcessing: { kind: "models" },
    },
    {
      currentDirectory: process.cwd(),
      environment: {},
      lockFile: join(tmpdir(), "processor.lock.json"),
      progress: silentProgress,
      signal: neverStopped(),
    },
  );
