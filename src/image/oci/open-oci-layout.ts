import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ProcessorError } from "../../../processor/errors.js";
import { architectureOf, type ImagePlatform } from "../image-plan.js";
import type { BaseImage } from "./base-image.js";
import { textOf } from "./document-blob.js";
import {
  type Blob,
  type Descriptor,
  hexOf,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  isGzipLayer,
  maxDocumentBytes,
  mediaTypes,
  type OciImage,
} from "./oci-types.js";
import { verified } from "./verified-bytes.js";

export interface OpenOciLayoutOptions {
  /** Picks one of several by its annotation. */
  readonly imageName?: string | undefined;
  readonly platform?: ImagePlatform;
}

/**
 * An image for one platform in an OCI layout folder.
 *
 * @throws IMAGE_FILE_INVALID when a document is missing, damaged or for another platform
 */
export async function openOciLayout(
  folder: string,
  { imageName, platform = "linux/amd64" }: OpenOciLayoutOptions = {},
): Promise<OciImage> {
  const index = await json<ImageIndex>(join(folder, "index.json"));
  const manifestDescriptor = await chooseManifest(folder, index.manifests, { imageName, platform });
  const manifest = blobIn(folder, manifestDescriptor);
  const { config, layers } = await document<ImageManifest>(folder, manifestDescriptor);
  const { rootfs, architecture } = await document<ImageConfig>(folder, config);
  if (rootfs?.diff_ids?.length !== layers.length)
    throw invalid(
      folder,
      `${layers.length} layers, but ${rootfs?.diff_ids?.length ?? 0} in the configuration`,
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

/** An image as something to lay layers on. */
export async function asBase({ config, layers }: OciImage): Promise<BaseImage> {
  return { config: JSON.parse(await textOf(config.open())) as ImageConfig, layers };
}

async function chooseManifest(
  folder: string,
  manifests: readonly Descriptor[],
  { imageName, platform: wanted = "linux/amd64" }: OpenOciLayoutOptions,
): Promise<Descriptor> {
  const fits = manifests.filter(
    ({ platform, annotations }) =>
      (platform === undefined ||
        (platform.os === "linux" && platform.architecture === architectureOf(wanted))) &&
      (imageName === undefined ||
        annotations?.["org.opencontainers.image.ref.name"] === imageName ||
        annotations?.["io.containerd.image.name"] === imageName),
  );
  const [found, second] = fits;
  if (found === undefined) throw invalid(folder, `no image ${imageName ?? ""} for ${wanted} in index.json`);
  if (second !== undefined && second.digest !== found.digest)
    throw invalid(folder, "several images in index.json; name one");
  if (found.mediaType !== mediaTypes.index && found.mediaType !== mediaTypes.dockerIndex) return found;
  const inner = await document<ImageIndex>(folder, found);
  return await chooseManifest(folder, inner.manifests, { platform: wanted });
}

const blobIn = (folder: string, descriptor: Descriptor): Blob => ({
  descriptor,
  open: () =>
    verified(createReadStream(blobFile(folder, descriptor.digest), { highWaterMark: 1 << 20 }), descriptor),
});

function blobFile(folder: string, digest: string): string {
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw invalid(folder, `${digest} is not a SHA-256 digest`);
  return join(folder, "blobs", "sha256", hexOf(digest));
}

async function document<T>(folder: string, descriptor: Descriptor): Promise<T> {
  if (descriptor.size > maxDocumentBytes) throw invalid(folder, `${descriptor.digest} is longer than 4 MiB`);
  try {
    return JSON.parse(await textOf(blobIn(folder, descriptor).open())) as T;
  } catch (cause) {
    if (cause instanceof ProcessorError) throw cause;
    throw invalid(folder, `${descriptor.digest} can't be read`, cause);
  }
}

async function json<T>(file: string): Promise<T> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as T;
  } catch (cause) {
    throw invalid(file, "it can't be read as JSON", cause);
  }
}

const invalid = (where: string, what: string, cause?: unknown): ProcessorError =>
  new ProcessorError("IMAGE_FILE_INVALID", `${where}: ${what}`, { cause });
