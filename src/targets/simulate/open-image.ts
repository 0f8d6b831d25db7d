import {
  either,
  listOf,
  number,
  orAbsent,
  orNull,
  record,
  recordOf,
  text,
} from "../../../processor/contract/json-check.js";
import { processorLabels } from "../../../processor/contract/labels.js";
import { checkedOrNull, parseOrNull } from "../../../processor/contract/parse-checked.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { Engine } from "../../docker/engine.js";
import { engineError, isNotFound } from "../../docker/engine-error.js";
import { loadArchive } from "../../docker/load-archive.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { isImageFile } from "../../oci/image-file.js";
import { readArchiveFacts } from "../preflight/archive-facts.js";

/** An image that stays in the engine as long as the simulation needs it. */
export interface OpenedImage {
  readonly reference: string;
  readonly imageId: string;
  readonly user: string;
  readonly architecture: string;
  readonly entrypoint: readonly string[];
  readonly imageLabels: Readonly<Record<string, string>>;
  /** The label values that the image's labels announce; null if they announce none. */
  readonly labels: readonly number[] | null;
  /** Unloads the image if it was loaded from an archive. */
  close(): Promise<void>;
}

export interface OpenImageOptions {
  readonly engine: Engine;
  /** The image's name, or the path of an archive. */
  readonly image: string;
  readonly signal: AbortSignal;
}

/** @throws INPUT_NOT_FOUND when it is neither a file nor an image of the engine; IMAGE_FILE_INVALID */
export async function openImage(options: OpenImageOptions): Promise<OpenedImage> {
  const { engine, image, signal } = options;
  if (!(await isImageFile(image))) return describe(engine, image, () => Promise.resolve());
  const { documents, problem } = await readArchiveFacts(image, signal);
  if (problem !== null) throw builderError("IMAGE_FILE_INVALID", `${image}: ${problem}`);
  const images = checkedOrNull(documents.get("manifest.json"), namedImages) ?? [];
  const names = images.flatMap(({ RepoTags }) => RepoTags ?? []);
  const loaded = await loadArchive({
    engine,
    archive: image,
    names,
    signal,
  });
  try {
    return await describe(engine, loaded.reference, loaded.unload);
  } catch (error) {
    await loaded.unload();
    throw error;
  }
}

/** The part of `manifest.json` with which an image can be found after the engine has loaded it. */
const namedImages = listOf(record({ RepoTags: orAbsent(orNull(listOf(text))) }));

async function describe(
  { docker }: Engine,
  reference: string,
  close: () => Promise<void>,
): Promise<OpenedImage> {
  const found = await docker
    .getImage(reference)
    .inspect()
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw engineError(error, `looking for ${reference}`, "ENGINE_FAILED");
      throw sharedError("INPUT_NOT_FOUND", `${reference} is neither a file nor an image that the engine has`);
    });
  const imageLabels = found.Config.Labels ?? {};
  return {
    reference,
    imageId: found.Id,
    user: found.Config.User ?? "",
    architecture: found.Architecture,
    entrypoint: [found.Config.Entrypoint ?? []].flat(),
    imageLabels,
    labels: labelValues(imageLabels[processorLabels.labels]),
    close,
  };
}

/** `{"background":0,"organ":1}` → 0, 1; for a region, the values of its labels. */
function labelValues(label: string | undefined): readonly number[] | null {
  const values = Object.values(parseOrNull(label ?? "", labelsShape) ?? {}).flat();
  return values.length > 0 ? values : null;
}

const labelsShape = recordOf(either(number, listOf(number)));
