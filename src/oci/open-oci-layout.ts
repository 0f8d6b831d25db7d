import { join } from "node:path";
import { counted } from "../../processor/contract/counted.js";
import { ProcessorError } from "../../processor/contract/errors.js";
import type { JsonCheck } from "../../processor/contract/json-check.js";
import { parseChecked } from "../../processor/contract/parse-checked.js";
import { readTextFile, regularFileBytes, unreadable } from "../../processor/files/read-text-file.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { architectureOf, type ImagePlatform } from "../image/image-plan.js";
import type { BaseImage } from "./base-image.js";
import { textOf } from "./document-blob.js";
import { configOf } from "./image-config.js";
import type { Descriptor, ImageIndex } from "./oci-shapes.js";
import { configShape, indexShape, manifestShape } from "./oci-shapes.js";
import { type Blob, hexOf, isGzipLayer, maxDocumentBytes, mediaTypes, type OciImage } from "./oci-types.js";
import { verified } from "./verified-bytes.js";

export interface OpenOciLayoutOptions {
  /** Selects one of several images by its annotation. */
  readonly imageName?: string | null;
  readonly platform?: ImagePlatform;
}

/**
 * Opens the image for one platform in an OCI layout folder.
 *
 * @throws IMAGE_FILE_INVALID if a document is missing, damaged or for another platform
 */
export async function openOciLayout(
  folder: string,
  { imageName = null, platform = "linux/amd64" }: OpenOciLayoutOptions = {},
): Promise<OciImage> {
  const index = await indexOf(folder);
  const manifestDescriptor = await chooseManifest(folder, index.manifests, { imageName, platform });
  const manifest = blobIn(folder, manifestDescriptor);
  const { config, layers } = await document(folder, manifestDescriptor, manifestShape);
  const { rootfs, architecture } = await document(folder, config, configShape);
  if (rootfs.diff_ids.length !== layers.length)
    throw invalid(
      folder,
      `${counted(layers.length, "layer")}, but ${rootfs.diff_ids.length} in the configuration`,
    );
  const name = manifestDescriptor.annotations?.["org.opencontainers.image.ref.name"];
  return {
    imageName: name ?? imageName ?? folder,
    architecture,
    manifest,
    config: blobIn(folder, config),
    layers: layers.map((layer, i) => {
      if (!isGzipLayer(layer.mediaType))
        throw invalid(folder, `a layer is ${layer.mediaType}; only gzip is read here`);
      return { ...blobIn(folder, layer), diffId: rootfs.diff_ids[i]! };
    }),
  };
}

/** Returns an image as a base that layers can be added to. */
export const asBase = async (image: OciImage): Promise<BaseImage> => ({
  manifestDigest: null,
  config: await configOf(image),
  layers: image.layers,
});

async function chooseManifest(
  folder: string,
  manifests: readonly Descriptor[],
  { imageName, platform: wanted }: Required<OpenOciLayoutOptions>,
): Promise<Descriptor> {
  const fits = manifests.filter(
    ({ platform, annotations }) =>
      (platform === undefined ||
        (platform.os === "linux" && platform.architecture === architectureOf(wanted))) &&
      (imageName === null ||
        annotations?.["org.opencontainers.image.ref.name"] === imageName ||
        annotations?.["io.containerd.image.name"] === imageName),
  );
  const [found, second] = fits;
  if (found === undefined) throw invalid(folder, `no image ${imageName ?? ""} for ${wanted} in index.json`);
  if (second !== undefined && second.digest !== found.digest)
    throw invalid(folder, "several images in index.json; name one");
  if (found.mediaType !== mediaTypes.index && found.mediaType !== mediaTypes.dockerIndex) return found;
  const inner = await document(folder, found, indexShape);
  return await chooseManifest(folder, inner.manifests, { imageName: null, platform: wanted });
}

const blobIn = (folder: string, descriptor: Descriptor): Blob => ({
  descriptor,
  open: () => verified(bytesOf(folder, descriptor.digest), descriptor),
});

async function* bytesOf(folder: string, digest: string): AsyncGenerator<Uint8Array> {
  const file = blobFile(folder, digest);
  try {
    yield* regularFileBytes(file);
  } catch (cause) {
    throw invalid(file, unreadable(cause), cause);
  }
}

function blobFile(folder: string, digest: string): string {
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw invalid(folder, `${digest} is not a SHA-256 digest`);
  return join(folder, "blobs", "sha256", hexOf(digest));
}

async function document<T>(folder: string, descriptor: Descriptor, shape: JsonCheck<T>): Promise<T> {
  const { digest, size } = descriptor;
  if (size > maxDocumentBytes) throw invalid(folder, `${digest} is longer than 4 MiB`);
  const text = await textOf(blobIn(folder, descriptor).open()).catch((cause: unknown) => {
    if (cause instanceof ProcessorError) throw cause;
    throw invalid(folder, `${digest} can't be read`, cause);
  });
  return parseChecked(text, shape, (reason, cause) => invalid(folder, `${digest} ${reason}`, cause));
}

async function indexOf(folder: string): Promise<ImageIndex> {
  const file = join(folder, "index.json");
  const text = await readTextFile(file, maxDocumentBytes).catch((cause: unknown) => {
    throw invalid(file, unreadable(cause), cause);
  });
  return parseChecked(text, indexShape, (reason, cause) => invalid(file, `it ${reason}`, cause));
}

const invalid = (where: string, what: string, cause?: unknown): ProcessorError =>
  builderError("IMAGE_FILE_INVALID", `${where}: ${what}`, { cause });
