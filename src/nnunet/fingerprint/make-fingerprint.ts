import { join } from "node:path";
import { counted } from "../../../processor/contract/counted.js";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { exists } from "../../../processor/files/exists.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { readDatasetJson } from "../datasets/dataset-json.js";
import { chooseReader, isReaderName } from "../datasets/image-reader.js";
import { type DatasetCase, listCases } from "../datasets/list-cases.js";
import { changedRawFiles, saveRawFiles } from "../datasets/raw-files.js";
import { writePythonJson } from "../files/write-json.js";
import type { DatasetPlace } from "../find-dataset.js";
import { median } from "../planning/percentile.js";
import { PythonFloat, type PythonJson } from "../python-json.js";
import { answered } from "../threads/answers.js";
import { eachCase, type WorkTools } from "../threads/each-case.js";
import { loadPart, removeParts, savePart } from "./case-parts.js";
import type { CaseFingerprint } from "./fingerprint-case.js";
import { fingerprintFile } from "./fingerprint-file.js";
import { intensityStatistics } from "./intensity-statistics.js";

export interface FingerprintSettings {
  /** `drawn` repeats nnU-Net's random samples; `all` takes every foreground voxel, each case weighing the same. */
  readonly samples: "drawn" | "all";
  /** True to compute it again even if it exists and fits the raw data. */
  readonly clean: boolean;
}

export interface FingerprintReport {
  readonly dataset: string;
  readonly file: string;
  readonly cases: number;
  /** The cases that a stopped run had measured. */
  readonly continued: number;
  /** What happened to the file. */
  readonly result: "computed" | "kept";
  /** Raw files that differ from those of an existing fingerprint. */
  readonly changes: readonly string[];
}

/** The samples that nnU-Net draws in all cases of a data set together. */
const allSamples = 10e7;

/**
 * Computes the fingerprint of a data set, unless it exists and the raw data are the same. A stopped run continues with the
 * cases that are missing.
 *
 * @throws DATASET_INVALID, and errors of images
 */
export async function makeFingerprint(
  place: DatasetPlace & { readonly preprocessedFolder: string },
  settings: FingerprintSettings,
  tools: WorkTools & { readonly environment: Readonly<Record<string, string | undefined>> },
): Promise<FingerprintReport> {
  const { name, rawFolder, preprocessedFolder } = place;
  const dataset = await readDatasetJson(rawFolder);
  const cases = withLabels(await listCases(dataset, tools.environment), rawFolder);
  const file = join(preprocessedFolder, fingerprintFile);
  const paths = cases.flatMap(({ images, label }) => [...images, label]);
  const changes = (await exists(file)) ? await changedRawFiles(preprocessedFolder, rawFolder, paths) : null;
  const report = { dataset: name, file, cases: cases.length, continued: 0, changes: changes ?? [] };
  if ((await exists(file)) && !settings.clean && report.changes.length === 0)
    return { ...report, result: "kept" };

  const example = cases[0]!.images[0] ?? null;
  const { reader } = await chooseReader(dataset, example, "header");
  await makeFolder(preprocessedFolder);
  const draws = settings.samples === "drawn" ? Math.floor(allSamples / cases.length) : null;
  let continued = 0;
  const results = await eachCase(
    cases,
    { label: `${name}: measuring`, tools, isReading: true },
    async (item, pool) => {
      const task = { reader, images: item.images, label: item.label, draws };
      const earlier = settings.clean ? null : await loadPart(preprocessedFolder, { caseId: item.id, task });
      if (earlier !== null) {
        continued++;
        return earlier;
      }
      const result = answered(await pool.run("fingerprintCase", task));
      checkChannels(item, result, dataset.channelNames.length);
      await savePart(preprocessedFolder, { caseId: item.id, task, result });
      return result;
    },
  ).catch(async (error: unknown) => {
    // nnU-Net fails at the example first.
    if (error instanceof ProcessorError && !tools.signal.aborted) await chooseReader(dataset, example);
    throw error;
  });
  if (results.every(({ channels }) => channels[0]!.values.length === 0))
    throw nnunetError(
      "DATASET_INVALID",
      `${rawFolder}: no case has a voxel with a label above 0, so the intensities cannot be measured`,
    );
  await writePythonJson(file, fingerprintJson(results, settings), { sortKeys: true });
  await saveRawFiles(
    { preprocessedFolder, rawFolder },
    results.flatMap(({ files }) => files),
    isReaderName(dataset.readerOverride) ? null : reader,
  );
  await removeParts(preprocessedFolder);
  return { ...report, continued, result: "computed" };
}

type LabelledCase = DatasetCase & { readonly label: string };

function withLabels(cases: readonly DatasetCase[], rawFolder: string): readonly LabelledCase[] {
  if (cases.length === 0) throw nnunetError("DATASET_INVALID", `${rawFolder} has no training cases`);
  return cases.map((item) => {
    if (item.label === null || item.images.length === 0)
      throw nnunetError(
        "DATASET_INVALID",
        `${rawFolder}: the case ${item.id} has no ${item.label === null ? "label" : "images"}`,
      );
    return { ...item, label: item.label };
  });
}

function checkChannels({ id, images }: DatasetCase, { channels }: CaseFingerprint, wanted: number): void {
  if (channels.length === wanted) return;
  throw nnunetError(
    "DATASET_INVALID",
    `${id} has ${counted(channels.length, "channel")} (${images.join(", ")}), but dataset.json names ${wanted}`,
  );
}

/** Returns dataset_fingerprint.json. */
function fingerprintJson(results: readonly CaseFingerprint[], { samples }: FingerprintSettings): PythonJson {
  const channelCount = results[0]!.channels.length;
  const shapes = results.map(({ cropBox }) => cropBox.map(([from, to]) => to - from));
  const shares = results.map(({ sizeZyx }, i) => voxels(shapes[i]!) / voxels(sizeZyx));
  const rule = samples === "drawn" ? "samples" : "weights";
  return {
    spacings: results.map(({ spacingMmZyx }) => spacingMmZyx.map((value) => new PythonFloat(value))),
    shapes_after_crop: shapes,
    foreground_intensity_properties_per_channel: Object.fromEntries(
      Array.from({ length: channelCount }, (_, channel) => [
        String(channel),
        floats(
          intensityStatistics(
            results.map(({ channels }) => channels[channel]!),
            rule,
          ),
        ),
      ]),
    ),
    median_relative_size_after_cropping: new PythonFloat(median(shares)),
  };
}

const voxels = (size: readonly number[]): number => size.reduce((all, value) => all * value, 1);

const floats = (statistics: object): PythonJson =>
  Object.fromEntries(
    Object.entries(statistics).map(([key, value]: [string, number]) => [key, new PythonFloat(value)]),
  );
