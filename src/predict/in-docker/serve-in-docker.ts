import { readdir } from "node:fs/promises";
import { basename, join, posix, resolve } from "node:path";
import { places } from "../../../processor/contract/places.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { type JobFolder, runContainerJob } from "../../docker/sandbox/run-job.js";
import type { WorkContext } from "../../models/work-context.js";
import type { ServeReport } from "../nnunet-serve/predict-nnunet-serve.js";
import type { ServeRequest } from "../nnunet-serve/serve-request.js";
import { gpusFor, processorImage } from "./image-of.js";
import { failureOf, relayOutput } from "./relay-output.js";

const { model, input, output, metadata } = places.anyModel;

/** The folder for the converted model in the container. */
const cache = "/cache";

/**
 * Segments one case in a container of an image for any model. The end of the job is reported by this program, not by the
 * container, which has no network.
 *
 * @throws INPUT_NOT_FOUND; USAGE for an image that contains its model; ENGINE_FAILED with the container's own message
 */
export async function serveInDocker(request: ServeRequest, work: WorkContext): Promise<ServeReport> {
  const image = await processorImage(request.dockerImage!, work);
  if (!image.isForAnyModel)
    throw sharedError(
      "USAGE",
      `--docker_image (-c) ${image.reference} contains its model; name one that was built with --no-model`,
    );
  const absolute = (path: string): string => resolve(work.currentDirectory, path);
  const files = new FilesInContainer(absolute);
  const command = commandOf(request, files);
  const outputDir = absolute(request.outputDir);
  const end = await runContainerJob(image.engine, {
    reference: image.reference,
    entrypoint: [places.image.node, places.anyModel.entry],
    command,
    environment: [`NNUNET_CACHE_DIR=${cache}`],
    inputs: [...files.folders(), { target: model, contents: await contentsOf(absolute(request.modelPath)) }],
    scratch: [cache],
    outputTarget: output,
    outputDir,
    gpus: await gpusFor(request.device, image, work.environment),
    onOutput: relayOutput(work.progress),
    signal: work.signal,
  });
  if (end.exitCode !== 0) throw failureOf(image.reference, end);
  return reportOf(end.output, outputDir);
}

/** Gives the files of this machine their paths in the container. Files of the same name do not collide. */
class FilesInContainer {
  readonly #absolute: (path: string) => string;
  readonly #byFolder = new Map<string, Map<string, string>>([[input, new Map()]]);

  constructor(absolute: (path: string) => string) {
    this.#absolute = absolute;
  }

  place(path: string, folder: string): string {
    const contents = this.#byFolder.get(folder) ?? new Map<string, string>();
    this.#byFolder.set(folder, contents);
    const source = this.#absolute(path);
    const relative = `${contents.size}/${basename(source)}`;
    contents.set(relative, source);
    return relative;
  }

  folders(): readonly JobFolder[] {
    return [...this.#byFolder].map(([target, contents]) => ({ target, contents }));
  }
}

/** Returns the command line in the container, in which paths start from the mounted folders. */
function commandOf(request: ServeRequest, files: FilesInContainer): readonly string[] {
  const { dicom, suffix } = request;
  const { candidates, smallestObject, reference, crop } = request.refinement;
  const file = (flag: string, path: string | null): readonly string[] =>
    path === null ? [] : [flag, files.place(path, metadata)];
  const value = (flag: string, given: string | number | null): readonly string[] =>
    given === null ? [] : [flag, String(given)];
  const flag = (name: string, isGiven: boolean): readonly string[] => (isGiven ? [name] : []);
  return [
    "--series_paths",
    ...request.seriesPaths.map((path) => files.place(path, input)),
    ...["--checkpoint_name", request.checkpointName, "--device", request.device],
    ...["--folds", ...request.folds],
    ...flag("--tta", request.usesTta),
    ...flag("--save_nifti_inputs", request.savesInputs),
    ...value("--suffix", suffix),
    ...value("--class_idx", candidates?.classes?.[0] ?? null),
    ...value("--proba_threshold", candidates?.threshold ?? null),
    ...value("--min_confidence", candidates?.minConfidence ?? null),
    ...(reference === null ? [] : ["--intersect_with", files.place(reference.path, input)]),
    ...(crop === null
      ? []
      : [
          ...["--crop_from", files.place(crop.path, input)],
          ...["--crop_padding", ...crop.marginXyz.map(String)],
        ]),
    ...value("--remove_objects_smaller_than", smallestObject),
    ...value("--min_intersection", reference?.minIntersection ?? null),
    ...flag("--is_dicom", dicom.isRequired),
    ...flag("--proba_map", dicom.writesFractional),
    ...flag("--fractional_as_segments", dicom.fractionalAsSegments),
    ...flag("--rt_struct_output", dicom.writesStructures),
    ...file("--metadata_path", dicom.metadataPath),
    ...file("--fractional_metadata_path", dicom.writesFractional ? dicom.fractionalMetadataPath : null),
    ...file("--empty_segment_metadata", dicom.emptySegmentMetadata),
    ...request.reading.words,
    "--json",
  ];
}

/** The files of a folder, which are followed if they are links. */
async function contentsOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw sharedError("MODEL_NOT_FOUND", `${folder} cannot be read as the folder of a model`, { cause });
  });
  return new Map(names.map((name) => [name, join(folder, name)]));
}

/** Reads the report that the container has printed, and puts the results' places on this machine into it. */
function reportOf(printed: string, outputDir: string): ServeReport {
  const here = (path: string): string => join(outputDir, posix.relative(output, path));
  const report = JSON.parse(printed) as ServeReport;
  const { prediction, probabilities, inputs, dicom } = report.files;
  const { outputFile, furtherFiles } = report.case;
  return {
    ...report,
    case: {
      ...report.case,
      outputFile: here(outputFile),
      ...(furtherFiles === undefined ? {} : { furtherFiles: furtherFiles.map(here) }),
    },
    files: {
      prediction: here(prediction),
      probabilities: here(probabilities),
      inputs: inputs.map(here),
      dicom: dicom.map(here),
    },
  };
}
