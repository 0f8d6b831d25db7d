import { posix } from "node:path";
import { Readable } from "node:stream";
import { parseChecked } from "../../processor/contract/parse-checked.js";
import { isDamagedTar } from "../../processor/files/tar/read-tar.js";
import { builderError } from "../ground/errors/builder-errors.js";
import type { BlobCache } from "../oci/blob-cache.js";
import { textOf } from "../oci/document-blob.js";
import { gunzipped } from "../oci/gunzipped.js";
import { configOf } from "../oci/image-config.js";
import { archiveManifestShape, configShape } from "../oci/oci-shapes.js";
import { maxDocumentBytes, type OciImage } from "../oci/oci-types.js";
import { type DescribedImage, describeImage } from "./described-image.js";
import {
  type LayerContents,
  layerContents,
  layerContentsFormat,
  mergeLayers,
  readLayerContents,
} from "./layer-contents.js";
import { wholeTar } from "./whole-tar.js";

/**
 * Reads an assembled image. Each layer is read only once, because its contents are cached by its digest.
 *
 * @throws IMAGE_FILE_INVALID; the signal's reason if aborted
 */
export async function describeOciImage(
  image: OciImage,
  cache: BlobCache,
  signal: AbortSignal,
): Promise<DescribedImage> {
  const layers: LayerContents[] = [];
  for (const { diffId, open } of image.layers) {
    signal.throwIfAborted();
    const key = `${layerContentsFormat} ${diffId}`;
    const known = await cache.recall(key, layerContents);
    const contents = known ?? (await contentsOf(unframed(open()), image.imageName));
    if (known === null) await cache.remember(key, contents);
    layers.push(contents);
  }
  const { digest } = image.manifest.descriptor;
  return describeImage({ imageName: image.imageName, digest }, await configOf(image), mergeLayers(layers));
}

export interface SavedImageIdentity {
  readonly imageName: string;
  /** Digest of the configuration, `sha256:…`. */
  readonly imageId: string;
}

/**
 * Reads an image in the format of an engine's `docker save`, in one pass, without storing it.
 *
 * @param saved the tar of `docker save`
 * @throws IMAGE_FILE_INVALID, and the errors of `saved`
 */
export async function describeSavedImage(
  saved: AsyncIterable<Uint8Array>,
  { imageName, imageId }: SavedImageIdentity,
): Promise<DescribedImage> {
  const { documents, layers, links } = await partsOf(saved, imageName);
  const invalid = (name: string) => (reason: string, cause?: unknown) =>
    builderError("IMAGE_FILE_INVALID", `${imageName}, as it was saved: ${name} ${reason}`, { cause });
  const [entry] = parseChecked(
    documents.get("manifest.json") ?? "[]",
    archiveManifestShape,
    invalid("manifest.json"),
  );
  const config = documents.get(posix.normalize(entry?.Config ?? ""));
  if (entry === undefined || config === undefined)
    throw builderError("IMAGE_FILE_INVALID", `${imageName}, as it was saved, has no configuration`);
  const inOrder = entry.Layers.map((path) => {
    const place = posix.normalize(path);
    const found = layers.get(links.get(place) ?? place);
    if (found === undefined)
      throw builderError("IMAGE_FILE_INVALID", `${imageName}, as it was saved, lacks the layer ${path}`);
    return found;
  });
  return describeImage(
    { imageName, digest: imageId },
    parseChecked(config, configShape, invalid(entry.Config)),
    mergeLayers(inOrder),
  );
}

interface SavedParts {
  /** JSON files by their names in the archive. */
  readonly documents: ReadonlyMap<string, string>;
  readonly layers: ReadonlyMap<string, LayerContents>;
  readonly links: ReadonlyMap<string, string>;
}

async function partsOf(saved: AsyncIterable<Uint8Array>, imageName: string): Promise<SavedParts> {
  const documents = new Map<string, string>();
  const layers = new Map<string, LayerContents>();
  const links = new Map<string, string>();
  for await (const entry of wholeTar(saved)) {
    const name = posix.normalize(entry.path);
    if (entry.kind === "symlink") links.set(name, posix.join(posix.dirname(name), entry.linkTarget));
    else if (entry.kind === "link") links.set(name, posix.normalize(entry.linkTarget));
    if (entry.kind !== "file" || entry.sizeBytes === 0) continue;
    const { first, whole } = await headOf(entry.bytes);
    const isJson = first === 0x7b || first === 0x5b;
    if (isJson && entry.sizeBytes <= maxDocumentBytes) documents.set(name, await textOf(whole));
    else if (first === 0x1f) layers.set(name, await contentsOf(unframed(whole), imageName));
    else if (entry.sizeBytes >= 512) layers.set(name, await contentsOf(whole, imageName));
  }
  return { documents, layers, links };
}

const unframed = (bytes: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> => gunzipped(Readable.from(bytes));

async function headOf(bytes: AsyncIterable<Uint8Array>) {
  const chunks = bytes[Symbol.asyncIterator]();
  const head = await chunks.next();
  const first = head.done === true ? null : (head.value[0] ?? null);
  async function* whole() {
    for (let next = head; next.done !== true; next = await chunks.next()) yield next.value;
  }
  return { first, whole: whole() };
}

async function contentsOf(tar: AsyncIterable<Uint8Array>, imageName: string): Promise<LayerContents> {
  try {
    return await readLayerContents(tar);
  } catch (cause) {
    if (!isDamagedTar(cause)) throw cause;
    throw builderError("IMAGE_FILE_INVALID", `a layer of ${imageName}: ${cause.message}`, { cause });
  }
}
