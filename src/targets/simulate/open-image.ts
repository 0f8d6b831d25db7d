import { processorLabels } from "../../../processor/contract/labels.js";
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
  const manifest = documents.get("manifest.json");
  const names = (Array.isArray(manifest) ? manifest : []).flatMap((entry) => namesOf(entry));
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

function namesOf(entry: unknown): readonly string[] {
  const names = (entry as { readonly RepoTags?: unknown } | null)?.RepoTags;
  return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
}

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
function labelValues(text: string | undefined): readonly number[] | null {
  try {
    const values = Object.values(JSON.parse(text ?? "null") as Record<string, unknown>).flat();
    return values.length > 0 && values.every((value) => typeof value === "number") ? values : null;
  } catch {
    return null;
  }
}
