import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { anything, listOf, record, recordOf, text } from "../../../processor/contract/json-check.js";
import { processorLabels } from "../../../processor/contract/labels.js";
import { parseOrNull } from "../../../processor/contract/parse-checked.js";
import { places } from "../../../processor/contract/places.js";
import type { Device } from "../../../processor/contract/run-settings.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { readTextFile } from "../../../processor/files/read-text-file.js";
import { whyNotFound } from "../../../processor/files/why-unreadable.js";
import {
  oneFileEnding,
  splitImageEnding,
  supportedEndings,
} from "../../../processor/imaging/formats/image-ending.js";
import { isDicomInput, seriesName } from "../../../processor/runtime/cases/find-dicom.js";
import { runtimeError } from "../../../processor/runtime/errors.js";
import { runContainerJob } from "../../docker/sandbox/run-job.js";
import type { WorkContext } from "../../models/work-context.js";
import { gpusFor, type ProcessorImage, processorImage } from "./image-of.js";
import { failureOf, relayOutput } from "./relay-output.js";

/** A prediction in an image. Relative paths start from the current folder. */
export interface ImagePredictRequest {
  readonly image: string;
  /** For an image for any model: the trained model; null for an image that contains its model. */
  readonly modelDir: string | null;
  /** The checkpoint of a trained model; null for the final one. */
  readonly checkpointName: string | null;
  readonly inputs: readonly string[];
  readonly outputDir: string;
  readonly device: Device;
  /** Flags of the program in an image. */
  readonly flags: readonly string[];
  readonly existing: "error" | "overwrite";
}

export interface ImagePrediction {
  readonly image: string;
  /** The files that were written. */
  readonly files: readonly string[];
}

const cache = "/cache";

/**
 * Segments images in a container. The files are copied into the engine and out of it, so that the results belong to the
 * user who calls, and the engine may be on another machine.
 *
 * @throws INPUT_NOT_FOUND, INPUT_AMBIGUOUS, OUTPUT_EXISTS; USAGE if the model is missing or twice; the container's error
 */
export async function predictInDocker(
  request: ImagePredictRequest,
  work: WorkContext,
): Promise<ImagePrediction> {
  const absolute = (path: string): string => resolve(work.currentDirectory, path);
  const image = await processorImage(request.image, work);
  const modelDir = request.modelDir === null ? null : absolute(request.modelDir);
  if (image.isForAnyModel && modelDir === null)
    throw sharedError(
      "USAGE",
      `${image.reference} is an image for any model: name the model with --model-dir`,
    );
  if (!image.isForAnyModel && modelDir !== null)
    throw sharedError("USAGE", `${image.reference} contains its model, so --model-dir would have no effect`);
  const channelCount = modelDir === null ? channelsOfImage(image) : await channelsOfModel(modelDir);
  const contents = await inputsOf(request.inputs.map(absolute), channelCount);
  const ending = endingOf([...contents.keys()]);
  const outputDir = absolute(request.outputDir);
  if (request.existing === "error") await refuseExisting([...contents.keys()], { outputDir, ending });
  const { entry, model } = places.anyModel;
  const own = [
    ...["--overlay-destination", ".", "--overwrite-output", "--no-write-json"],
    ...["--allowed-extensions", supportedEndings.map((known) => known.slice(1)).join(",")],
    ...["--output-extension", ending.slice(1)],
  ];
  const end = await runContainerJob(image.engine, {
    reference: image.reference,
    entrypoint: [places.image.node, image.isForAnyModel ? entry : places.image.entry],
    // An image for a platform has other folders and sockets, unless its target is not read.
    command: [
      ...(image.isForAnyModel ? ["folder"] : ["--target-file", "/none"]),
      ...["--inputdir", "/input", "--outputdir", "/output"],
      ...own,
      ...request.flags,
    ],
    environment: [
      `NNUNET_CACHE_DIR=${cache}`,
      ...(request.checkpointName === null ? [] : [`NNUNET_CHECKPOINT=${request.checkpointName}`]),
    ],
    inputs: [
      { target: "/input", contents },
      ...(modelDir === null ? [] : [{ target: model, contents: await entriesOf(modelDir) }]),
    ],
    scratch: image.isForAnyModel ? [cache] : [],
    outputTarget: "/output",
    outputDir,
    gpus: await gpusFor(request.device, image, work.environment),
    onOutput: relayOutput(work.progress),
    signal: work.signal,
  });
  if (end.exitCode !== 0) throw failureOf(image.reference, end);
  return { image: image.reference, files: end.files };
}

/** Returns the number of channels that an image's labels announce; null if they announce none. */
function channelsOfImage({ labels }: ProcessorImage): number | null {
  const announced = labels[processorLabels.channels];
  if (announced === undefined) return null;
  return parseOrNull(announced, listOf(text))?.length ?? null;
}

const datasetJson = record({ channel_names: recordOf(anything) });

/** Returns the number of channels in a model's `dataset.json`; null for a model that has none, as those of v1. */
async function channelsOfModel(folder: string): Promise<number | null> {
  const json = await readTextFile(join(folder, "dataset.json"), largestJson).catch(() => null);
  const dataset = json === null ? null : parseOrNull(json, datasetJson);
  return dataset === null ? null : Object.keys(dataset.channel_names).length;
}

const largestJson = 64 << 20;

/** Lays files and folders out as one folder, by the rules of `predict`. */
async function inputsOf(
  paths: readonly string[],
  channelCount: number | null,
): Promise<ReadonlyMap<string, string>> {
  const contents = new Map<string, string>();
  const put = (given: string, path: string): void => {
    // `predict` takes the number of the only channel off the name of a case, but an image keeps it.
    const name = channelCount === 1 ? given.replace(/_0000(?=\.)/, "") : given;
    const other = contents.get(name);
    if (other !== undefined)
      throw runtimeError(
        "INPUT_AMBIGUOUS",
        `${other} and ${path} have the same name, so neither can be told apart`,
      );
    contents.set(name, path);
  };
  const series: string[] = [];
  for (const path of paths) {
    const found = await stat(path).catch(async (cause: unknown) => {
      throw sharedError("INPUT_NOT_FOUND", `${path}${await whyNotFound(path, cause)}`, { cause });
    });
    if (await isDicomInput(path, found)) series.push(path);
    else if (!found.isDirectory()) put(basename(path), path);
    else for (const [name, source] of await entriesOf(path)) put(name, source);
  }
  // The series are the channels of one case, in this order.
  const isOneCase = channelCount !== null && channelCount > 1 && series.length === channelCount;
  const caseName = seriesName(series[0] ?? "");
  for (const [i, path] of series.entries())
    put(isOneCase ? `${caseName}_${String(i).padStart(4, "0")}` : seriesName(path), path);
  return contents;
}

async function entriesOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(folder).catch(async (cause: unknown) => {
    throw sharedError("INPUT_NOT_FOUND", `${folder}${await whyNotFound(folder, cause)}`, { cause });
  });
  return new Map(names.map((name) => [name, join(folder, name)]));
}

/** Returns the ending of the segmentations: that of the images, or `.nii.gz` if they have several, and for DICOM. */
function endingOf(names: readonly string[]): string {
  const endings = new Set(
    names.flatMap((name) => splitImageEnding(name)?.ending.toLowerCase() ?? []).map(oneFileEnding),
  );
  const [only] = endings;
  return endings.size === 1 ? only! : ".nii.gz";
}

/** @throws OUTPUT_EXISTS */
async function refuseExisting(
  names: readonly string[],
  { outputDir, ending }: { readonly outputDir: string; readonly ending: string },
): Promise<void> {
  for (const name of names) {
    const stem = splitImageEnding(name)?.stem ?? name;
    for (const caseName of new Set([stem, stem.replace(/_\d{4}$/, "")])) {
      const path = join(outputDir, `${caseName}${ending}`);
      if ((await stat(path).catch(() => null)) !== null)
        throw sharedError("OUTPUT_EXISTS", `${path} exists already`);
    }
  }
}
