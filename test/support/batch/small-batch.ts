import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventListener } from "../../../processor/contract/progress/run-event.js";
import { readManifest } from "../../../processor/runtime/batch/batch-manifest.js";
import { type BatchModel, type OpenedBatch, openBatch } from "../../../processor/runtime/batch/open-batch.js";
import {
  type BatchReport,
  type RunBatchOptions,
  runBatch,
} from "../../../processor/runtime/batch/run-batch.js";
import { repositoryRoot } from "../golden.js";
import { nifti } from "../images/nifti-builder.js";
import { testSettings, withConvertedModel } from "../model/convert.js";
import { neverStopped } from "../never-stopped.js";

/** A folder with a converted model of a tiny network, images, and a manifest that names them. */
export interface SmallBatch {
  readonly folder: string;
  readonly modelDir: string;
  readonly imageDir: string;
  readonly manifestFile: string;
  readonly outputDir: string;
  readonly names: readonly string[];
}

/** The trained model that small batches use: 3-D, two channels, a patch of 8 × 8 × 8. */
export const smallModel = join(repositoryRoot, "test", "fixtures", "networks", "plain_batchnorm_relu");

const size = 10;

const filesOf = (folder: string, name: string): readonly string[] =>
  ["0000", "0001"].map((channel) => join(folder, `${name}_${channel}.nii`));

/** Writes the images of a case. */
export function writeSmallCase(folder: string, name: string, number: number, edge = size): void {
  for (const [channel, path] of filesOf(folder, name).entries())
    writeSmallImage(path, 2 * number + channel, edge);
}

/** Writes an image of `edge`³ voxels, which differ with its number. */
export function writeSmallImage(path: string, number: number, edge = size): void {
  const voxels = Uint8Array.from(
    { length: edge ** 3 },
    (_, i) => (Math.imul(i + 1, 2654435761 + number) >>> 8) % 251,
  );
  writeFileSync(path, nifti(voxels, { dim: [3, edge, edge, edge, 1, 1, 1, 1] }));
}

/** Calls `use` with a batch of so many cases, `case_000`, `case_001`, …, and removes it afterwards. */
export async function withSmallBatch<T>(
  caseCount: number,
  use: (batch: SmallBatch) => Promise<T>,
  edge = size,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "batch-"));
  try {
    return await withConvertedModel(smallModel, ({ folder: modelDir }) => {
      const imageDir = join(folder, "images");
      mkdirSync(imageDir);
      const names = Array.from({ length: caseCount }, (_, i) => `case_${String(i).padStart(3, "0")}`);
      for (const [i, name] of names.entries()) writeSmallCase(imageDir, name, i, edge);
      const manifestFile = join(folder, "cases.jsonl");
      writeFileSync(
        manifestFile,
        names.map((name) => `${JSON.stringify({ case: name, inputs: filesOf("images", name) })}\n`).join(""),
      );
      return use({ folder, modelDir, imageDir, manifestFile, outputDir: join(folder, "out"), names });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface SmallRunOptions extends Partial<RunBatchOptions> {
  readonly hookModule?: string;
  readonly model?: Partial<BatchModel>;
  readonly other?: "refuse" | "replace";
}

/** Opens a small batch as `batch run` does. */
export const openSmall = (
  { modelDir, manifestFile, outputDir }: SmallBatch,
  {
    hookModule,
    model,
    other = "refuse",
    onEvent = () => {},
  }: SmallRunOptions & { onEvent?: EventListener } = {},
): Promise<OpenedBatch> =>
  openBatch({
    model: {
      modelDir,
      folds: null,
      appliesPostProcessing: true,
      settings: { ...testSettings, inferenceEngine: "onnxruntime", threads: 1 },
      hookModule: hookModule ?? null,
      ...model,
    },
    manifestFile,
    outputDir,
    other,
    onEvent,
    signal: neverStopped(),
  });

/** Runs a small batch to its end. */
export async function runSmall(batch: SmallBatch, options: SmallRunOptions = {}): Promise<BatchReport> {
  return runBatch(await openSmall(batch, options), {
    shard: null,
    steals: false,
    workers: [null],
    retries: 2,
    maxFailures: null,
    graceSeconds: 0,
    onEvent: () => {},
    onFinished: () => {},
    signal: neverStopped(),
    ...options,
  });
}

/** Returns what is noted about a case. */
export const recordOf = ({ outputDir }: SmallBatch, name: string) =>
  JSON.parse(readFileSync(join(outputDir, "cases", `${name}.json`), "utf8"));

/** Returns the states of all cases, in their order. */
export const statesOf = (batch: SmallBatch) => batch.names.map((name) => recordOf(batch, name).state);

/** Returns the bytes of every segmentation by its case. */
export async function segmentationsOf({
  manifestFile,
  outputDir,
}: SmallBatch): Promise<ReadonlyMap<string, Buffer>> {
  const { cases } = await readManifest(manifestFile);
  return new Map(
    cases.map(({ name, output }) => [name, readFileSync(join(outputDir, "segmentations", output))]),
  );
}

/** Writes a module with hooks and returns its path. */
export function writeHook(folder: string, source: string): string {
  const path = join(folder, "hook.mjs");
  writeFileSync(path, source);
  return path;
}
