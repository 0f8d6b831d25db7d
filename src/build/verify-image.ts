import { connectEngine, type Engine } from "../docker/engine.js";
import { isWithoutEngine } from "../docker/engine-error.js";
import { findImage } from "../docker/find-image.js";
import { saveImage } from "../docker/save-image.js";
import { builderError } from "../errors/builder-errors.js";
import type { ImagePlatform } from "../image/image-plan.js";
import type { BlobCache } from "../oci/blob-cache.js";
import { type ComparedImage, compareImages, type ImageComparison } from "../oci/compare-images.js";
import { textOf } from "../oci/document-blob.js";
import { isImageFile } from "../oci/image-file.js";
import { withLayerCache } from "../oci/layer-cache.js";
import type { ImageConfig, OciImage } from "../oci/oci-types.js";
import { archiveBytes, readDockerArchive } from "../oci/open-docker-archive.js";
import { openOciLayout } from "../oci/open-oci-layout.js";
import { parseImageReference } from "../oci/registry/image-reference.js";
import { pullBase } from "../oci/registry/pull-base.js";
import { registryClient } from "../oci/registry/registry-access.js";
import { openBuildFolder } from "./build-folder.js";
import { aborting, type BuildOptions, layerCache } from "./build-options.js";
import { assembleEmbedded } from "./embedded-build.js";

export interface VerifyReport extends ImageComparison {
  readonly image: string;
  readonly foundDigest: string;
  readonly rebuiltDigest: string;
}

/**
 * Rebuilds an image from the inputs given, as of the time that the image names, and tells what is not the same.
 *
 * @param image an archive, `oci:FOLDER`, or a name that the engine or a registry knows
 * @throws INPUT_NOT_FOUND, IMAGE_FILE_INVALID, BASE_IMAGE_MISSING for an image that can't be had; what the build throws
 */
export const verifyImage = (image: string, options: BuildOptions): Promise<VerifyReport> =>
  withLayerCache(layerCache(options), (cache) => rebuildAndCompare(image, cache, options));

async function rebuildAndCompare(
  image: string,
  cache: BlobCache,
  options: BuildOptions,
): Promise<VerifyReport> {
  const found = await openImage(image, cache, options);
  const folder = await openBuildFolder(options.buildDir);
  try {
    const description = { ...options.description, ...identityOf(found.config) };
    // Written where the rebuild is thrown away.
    const modelTarball = options.modelTarball === null ? null : folder.place("model.tar.gz");
    const platform = `linux/${found.config.architecture}` as ImagePlatform;
    const rebuilt = await assembleEmbedded(
      { ...options, description, platform, modelTarball },
      { cache, folder, memo: null, stage: (path) => path },
    );
    const comparison = await compareImages(found, await asCompared("the rebuild", rebuilt.image));
    return {
      image,
      foundDigest: found.configDigest,
      rebuiltDigest: rebuilt.image.config.descriptor.digest,
      ...comparison,
    };
  } finally {
    await folder.remove();
  }
}

/** An image tells its tag and its time itself; both are in its labels. */
function identityOf(config: ImageConfig): { readonly imageName: string; readonly created: Date } {
  const labels = config.config?.Labels ?? {};
  const created = labels["org.opencontainers.image.created"] ?? config.created ?? "";
  if (Number.isNaN(Date.parse(created)))
    throw builderError("IMAGE_FILE_INVALID", "the image does not say when it was made");
  return {
    imageName: `image:${labels["org.opencontainers.image.version"] ?? "latest"}`,
    created: new Date(created),
  };
}

async function openImage(image: string, cache: BlobCache, options: BuildOptions): Promise<ComparedImage> {
  const { signal } = options;
  const common = { archiveName: image, imageName: image, cache, ...aborting(signal) };
  if (image.startsWith("oci:")) return await asCompared(image, await openOciLayout(image.slice(4)));
  const file = image.replace(/^docker-archive:/, "");
  if (file !== image || (await isImageFile(file)))
    return await asCompared(image, await readDockerArchive(archiveBytes(file), common));
  const engine = await engineOrNull(image, options);
  if (engine !== null && (await findImage(engine, image)) !== null)
    return await asCompared(image, await readDockerArchive(saveImage(engine, image), common));
  const { reference, ...place } = parseImageReference(image);
  const client = await registryClient(place, options, { mayWrite: false });
  const { configDigest, config, layers } = await pullBase({
    client,
    reference,
    platform: options.platform,
    cache,
  });
  return { place: image, configDigest, config, layers };
}

/** Without an engine the image may still be in a registry. */
async function engineOrNull(
  image: string,
  { environment, signal, progress }: BuildOptions,
): Promise<Engine | null> {
  try {
    return await connectEngine(environment, signal);
  } catch (error) {
    if (!isWithoutEngine(error)) throw error;
    progress.note(`${error.message}; ${image} is looked for in its registry`);
    return null;
  }
}

const asCompared = async (place: string, { config, layers }: OciImage): Promise<ComparedImage> => ({
  place,
  configDigest: config.descriptor.digest,
  config: JSON.parse(await textOf(config.open())) as ImageConfig,
  layers,
});
