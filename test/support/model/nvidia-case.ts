import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { type NvidiaOptions, noNvidiaOptions } from "../../../src/checkpoint/nvidia/nvidia-options.js";
import type { ConvertedModel } from "../../../src/convert/convert-model.js";
import { convertModel } from "../../../src/convert/convert-model.js";
import { membersOf, trainedModels } from "../../../src/models/obtain-models.js";
import { goldenPath } from "../golden.js";
import { neverStopped } from "../never-stopped.js";
import { testSettings } from "./convert.js";

/** What `expected.json` says about a case. */
export interface NvidiaExpected {
  readonly preprocess: {
    readonly modality: string;
    readonly ct: {
      readonly min: number;
      readonly max: number;
      readonly mean: number;
      readonly std: number;
    } | null;
    readonly ohe: boolean;
    readonly overlap: number;
    readonly blend: "gaussian" | "constant";
  };
  readonly strides: readonly (readonly number[])[];
  readonly filters: readonly number[];
  readonly meta: readonly (readonly number[])[];
  readonly x_shape: readonly number[];
}

/** A converted golden model of NVIDIA's nnU-Net with its case. */
export interface NvidiaCase {
  readonly name: string;
  readonly converted: ConvertedModel;
  readonly inputDir: string;
  readonly expectedDir: string;
  readonly expected: NvidiaExpected;
  /** A temporary folder. */
  readonly scratch: string;
}

export const nvidiaCases: readonly string[] = readdirSync(goldenPath("nvidia")).sort();

export const readExpected = (name: string): NvidiaExpected =>
  JSON.parse(readFileSync(goldenPath("nvidia", name, "expected", "expected.json"), "utf8")) as NvidiaExpected;

/** Converts a golden model, with the CT statistics that its user must know. */
export async function withNvidiaCase<T>(
  name: string,
  use: (found: NvidiaCase) => Promise<T>,
  options: Partial<NvidiaOptions> = {},
): Promise<T> {
  const scratch = mkdtempSync(join(tmpdir(), "nvidia-"));
  try {
    const expected = readExpected(name);
    const nvidia = { ...noNvidiaOptions, ct: expected.preprocess.ct, ...options };
    const converted = await convertModel({
      models: await nvidiaModels(goldenPath("nvidia", name, "model"), nvidia),
      settings: testSettings,
      outputDir: join(scratch, "converted"),
      progress: silentProgress,
      signal: neverStopped(),
    });
    return await use({
      name,
      converted,
      expected,
      scratch,
      inputDir: goldenPath("nvidia", name, "input"),
      expectedDir: goldenPath("nvidia", name, "expected"),
    });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Finds the model in a folder, or of a single .ckpt. */
export const nvidiaModels = (modelDir: string, nvidia: NvidiaOptions) =>
  trainedModels(
    {
      members: membersOf({
        modelDirs: [modelDir],
        task: null,
        configurations: null,
        checkpointName: null,
        folds: [],
        nvidia,
      }),
      onnxFiles: null,
      previousStage: null,
      needsPreviousStage: false,
      postProcessing: { kind: "none" },
    },
    {
      currentDirectory: process.cwd(),
      environment: {},
      lockFile: join(tmpdir(), "processor.lock.json"),
      progress: silentProgress,
      signal: neverStopped(),
    },
  );
