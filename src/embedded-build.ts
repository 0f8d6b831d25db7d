import { basename, join } from "node:path";
import { ProcessorError } from "../processor/errors.js";
import { aborting, type BuildOptions, freeArchivePath, planBuild } from "./build-pipeline.js";
import { openBuildFolder } from "./image/build-folder.js";
import { assembleImage } from "./image/oci/assemble-image.js";
import type { BaseImage } from "./image/oci/base-image.js";
import { BlobCache } from "./image/oci/blob-cache.js";
import type { OciImage } from "./image/oci/oci-types.js";
import { openBase } from "./image/oci/open-base.js";
import { type WrittenImage, writeDockerArchive } from "./image/oci/write-image.js";
import { defaultRetryPolicy } from "./model-source/retry.js";
import { dockerCredentials } from "./publish/registry/docker-credentials.js";
import { parseImageReference } from "./publish/registry/image-reference.js";
import { pullBase } from "./publish/registry/pull-base.js";
import { type PushedImage, pushImage } from "./publish/registry/push-image.js";
import { RegistryClient } from "./publish/registry/registry-client.js";

export interface EmbeddedBuildOptions extends BuildOptions {
  /** Send the image to the registry in its name. */
  readonly isPushed: boolean;
}

export interface EmbeddedBuildReport {
  readonly imageName: string;
  /** Docker calls it the image's id. */
  readonly configDigest: string;
  readonly manifestDigest: string;
  /** Of all layers, as they travel. */
  readonly sizeBytes: number;
  readonly baseImage: string;
  /** Null when none was asked for. */
  readonly archive: WrittenImage | null;
  /** Null when it was not asked for. */
  readonly pushed: PushedImage | null;
}

/**
 * The whole build without an engine: model → converted folder → image plan → layers → archive, registry or both.
 * The same inputs give the same digest: every time in the image is the description's.
 *
 * @throws BASE_IMAGE_MISSING when no base is named: only an engine can make the recipe's own so far
 */
export async function buildEmbedded(options: EmbeddedBuildOptions): Promise<EmbeddedBuildReport> {
  const { baseImage, description, cacheFolder, progress, signal, keepBuildFiles } = options;
  if (baseImage === null)
    throw new ProcessorError(
      "BASE_IMAGE_MISSING",
      "--builder embedded needs --base-image: a name in a registry, docker-archive:FILE or oci:FOLDER",
    );
  if (options.exportFolder === null && !options.isPushed)
    throw new ProcessorError("USAGE", "--builder embedded keeps no image: add --export, --push or both");
  const archivePath = await freeArchivePath(options);
  const cache = await BlobCache.open(join(cacheFolder, "layers"));
  const folder = await openBuildFolder(options.buildDir);
  try {
    const base = await openBase(
      { kind: "image", imageName: baseImage },
      { cache, pull: (imageName) => pull(imageName, cache, options), ...aborting(signal) },
    );
    const plan = await planBuild(options, { imageName: nameInLabels(baseImage), imageId: null }, folder);
    const image = await assembleImage({ plan, base, cache, time: description.created, ...aborting(signal) });
    const archive =
      archivePath === null
        ? null
        : await writeDockerArchive({ image, path: archivePath, progress, ...aborting(signal) });
    const pushed = options.isPushed ? await push(image, baseImage, options) : null;
    return {
      imageName: description.imageName,
      configDigest: image.config.descriptor.digest,
      manifestDigest: image.manifest.descriptor.digest,
      sizeBytes: image.layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0),
      baseImage,
      archive,
      pushed,
    };
  } finally {
    if (!keepBuildFiles) await folder.remove();
  }
}

const isLocal = (baseImage: string): boolean => /^(oci|docker-archive):/.test(baseImage);

/** Where a file lies on this machine is no part of an image. */
const nameInLabels = (baseImage: string): string => (isLocal(baseImage) ? basename(baseImage) : baseImage);

async function pull(imageName: string, cache: BlobCache, options: BuildOptions): Promise<BaseImage> {
  const { reference, ...place } = parseImageReference(imageName);
  const client = await registryClient(place, options, { mayWrite: false });
  return await pullBase({ client, reference, cache });
}

/** Layers of a base in the same registry are mounted from there. */
async function push(image: OciImage, baseImage: string, options: BuildOptions): Promise<PushedImage> {
  const { reference: tag, ...place } = parseImageReference(image.imageName);
  const base = isLocal(baseImage) ? null : parseImageReference(baseImage);
  const mountFrom = base?.registry === place.registry ? [base.repository] : [];
  const client = await registryClient(place, options, { mayWrite: true, alsoReads: mountFrom });
  return await pushImage({ client, image, tag, mountFrom, progress: options.progress });
}

async function registryClient(
  place: { readonly registry: string; readonly repository: string },
  { environment, progress, signal }: BuildOptions,
  rights: { readonly mayWrite: boolean; readonly alsoReads?: readonly string[] },
): Promise<RegistryClient> {
  const credentials = await dockerCredentials(place.registry, environment);
  return new RegistryClient(place, {
    progress,
    credentials,
    retry: defaultRetryPolicy,
    ...rights,
    ...aborting(signal),
  });
}
