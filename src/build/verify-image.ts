import { ProcessorError } from "../../processor/contract/errors.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { connectEngine, type Engine } from "../docker/engine.js";
import { isWithoutEngine } from "../docker/engine-error.js";
import { findImage } from "../docker/find-image.js";
import { saveImage } from "../docker/save-image.js";
import { builderError } from "../ground/errors/builder-errors.js";
import type { ImagePlatform } from "../image/image-plan.js";
import type { BlobCache } from "../oci/blob-cache.js";
import { type ComparedImage, compareImages } from "../oci/compare-images.js";
import { configOf } from "../oci/image-config.js";
import { isImageFile } from "../oci/image-file.js";
import { withLayerCache } from "../oci/layer-cache.js";
import type { ImageConfig } from "../oci/oci-shapes.js";
import type { OciImage } from "../oci/oci-types.js";
import { archiveBytes, readDockerArchive } from "../oci/open-docker-archive.js";
import { openOciLayout } from "../oci/open-oci-layout.js";
import { parseImageReference } from "../oci/registry/image-reference.js";
import { pullBase } from "../oci/registry/pull-base.js";
import { registryClient } from "../oci/registry/registry-access.js";
import { withBuildFolder } from "./build-folder.js";
import type { BuildContext, BuildRequest } from "./build-request.js";
import { withEmbeddedBuilder } from "./embedded-builder.js";
import type { FoundBase, ImageBuilder } from "./image-builder.js";
import { layerCache } from "./layer-cache-options.js";
import { planBuild } from "./plan-build.js";
import type { VerifyReport } from "./verify-report.js";

/**
 * Rebuilds an image from the given inputs, with the creation time in the image, and reports all differences.
 *
 * @param image an archive, `oci:FOLDER`, or a name that the engine or a registry knows
 * @throws INPUT_NOT_FOUND for an image that cannot be found; IMAGE_FILE_INVALID; what the build throws
 */
export const verifyImage = (image: string, request: BuildRequest): Promise<VerifyReport> =>
  withLayerCache(layerCache(request.context), async (cache) => {
    const found = await openImage(image, cache, request);
    const wanted = {
      ...request.image,
      description: { ...request.image.description, ...identityOf(found.config) },
      platform: `linux/${found.config.architecture}` as ImagePlatform,
    };
    return await withEmbeddedBuilder(request.context, null, (builder) =>
      withRebuilt({ ...request, image: wanted }, { builder, cache }, async (rebuilt) => ({
        image,
        foundDigest: found.configDigest,
        rebuiltDigest: rebuilt.configDigest,
        ...(await compareImages(found, rebuilt)),
      })),
    );
  });

interface RebuildParts<Base extends FoundBase> {
  readonly builder: ImageBuilder<Base>;
  readonly cache: BlobCache;
}

/** Builds as `build` does, and deletes all results after `use`. */
function withRebuilt<Base extends FoundBase, T>(
  request: BuildRequest,
  { builder, cache }: RebuildParts<Base>,
  use: (rebuilt: ComparedImage) => Promise<T>,
): Promise<T> {
  const { image, outputs } = request;
  return withBuildFolder(outputs.buildDir, { isKept: false }, async (folder) => {
    const base = await builder.findBase(request.base, image.platform);
    // Written into the build folder, which is deleted after the comparison.
    const modelTarball = outputs.modelTarball === null ? null : folder.place("model.tar.gz");
    const { plan } = await planBuild(
      { ...request, outputs: { ...outputs, modelTarball } },
      { base: base.facts, folder, stage: (path) => path, memo: null },
    );
    const { created } = image.description;
    const built = await builder.build(plan, { base, folder, created, keepsContext: false });
    if (built.image === null) throw new Error(`${builder.name} gives no image to compare`);
    return await use(await asCompared("the rebuild", await built.image.asOci(cache)));
  });
}

/** Returns the tag and the creation time in the image's labels. */
function identityOf(config: ImageConfig): { readonly imageName: string; readonly created: Date } {
  const labels = config.config?.Labels ?? {};
  const created = labels["org.opencontainers.image.created"] ?? config.created ?? "";
  if (Number.isNaN(Date.parse(created)))
    throw builderError("IMAGE_FILE_INVALID", "the image does not name its creation time");
  return {
    imageName: `image:${labels["org.opencontainers.image.version"] ?? "latest"}`,
    created: new Date(created),
  };
}

async function openImage(
  image: string,
  cache: BlobCache,
  { context, image: { platform } }: BuildRequest,
): Promise<ComparedImage> {
  const common = { archiveName: image, imageName: image, cache, signal: context.signal };
  if (image.startsWith("oci:")) return await asCompared(image, await openOciLayout(image.slice(4)));
  const file = image.replace(/^docker-archive:/, "");
  if (file !== image || (await isImageFile(file)))
    return await asCompared(image, await readDockerArchive(archiveBytes(file), common));
  const engine = await engineOrNull(image, context);
  if (engine !== null && (await findImage(engine, image)) !== null)
    return await asCompared(image, await readDockerArchive(saveImage(engine, image), common));
  const { reference, ...place } = parseImageReference(image);
  if (engine !== null)
    context.progress.note(`the engine has no image ${image}; looking for it in its registry`);
  const client = await registryClient(place, context, { mayWrite: false });
  const { configDigest, config, layers } = await pullBase({
    client,
    reference,
    platform,
    cache,
  }).catch((error: unknown) => {
    if (!(error instanceof ProcessorError) || error.code !== "BASE_IMAGE_MISSING") throw error;
    throw sharedError("INPUT_NOT_FOUND", `${image} is not a file, and ${error.message}`, { cause: error });
  });
  return { place: image, configDigest, config, layers };
}

/** Returns null if no engine answers, because the image may still be in a registry. */
async function engineOrNull(
  image: string,
  { environment, signal, progress }: BuildContext,
): Promise<Engine | null> {
  try {
    return await connectEngine(environment, signal);
  } catch (error) {
    if (!isWithoutEngine(error)) throw error;
    progress.note(`${error.message}; looking for ${image} in its registry`);
    return null;
  }
}

const asCompared = async (place: string, image: OciImage): Promise<ComparedImage> => ({
  place,
  configDigest: image.config.descriptor.digest,
  config: await configOf(image),
  layers: image.layers,
});
