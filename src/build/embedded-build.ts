import { sharedError } from "../../processor/contract/shared-errors.js";
import { type AttestedImage, attestImage } from "../attest/attest-image.js";
import { baseInputs, modelParameters, ownInputs } from "../attest/build-inputs.js";
import { describeOciImage } from "../attest/image-contents.js";
import type { ConversionMemo } from "../convert/conversion-memo.js";
import { loadImage } from "../docker/load-image.js";
import { allOrNothing, type StageFile } from "../files/all-or-nothing.js";
import { assembleImage } from "../oci/assemble-image.js";
import type { BlobCache } from "../oci/blob-cache.js";
import { withLayerCache } from "../oci/layer-cache.js";
import type { OciImage } from "../oci/oci-types.js";
import type { PushedImage } from "../oci/registry/push-image.js";
import { checkRegistry, pushToRegistry, type RegistryPush } from "../oci/registry/push-to-registry.js";
import { type WrittenImage, writeDockerArchive } from "../oci/write-image.js";
import { type BuildFolder, openBuildFolder } from "./build-folder.js";
import { aborting, type BuildOptions, freeArchivePath, layerCache } from "./build-options.js";
import { type EmbeddedBase, embeddedBase } from "./embedded-base.js";
import type { ModelTarball } from "./model-tarball.js";
import { planBuild } from "./plan-build.js";

export interface EmbeddedBuildReport {
  readonly imageName: string;
  /** The Docker engine into which the image was loaded; null for none. */
  readonly engine: string | null;
  /** Docker calls it the image's id. */
  readonly configDigest: string;
  readonly manifestDigest: string;
  /** All labels of the image. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of all layers, as they travel. */
  readonly sizeBytes: number;
  readonly baseImage: string;
  /** Null when none was asked for. */
  readonly archive: WrittenImage | null;
  /** Null when it was not asked for. */
  readonly pushed: PushedImage | null;
  /** Null when it was not asked for. */
  readonly attested: AttestedImage | null;
  /** Null when the image carries its model. */
  readonly modelTarball: ModelTarball | null;
}

/**
 * The whole build without Docker's builder: model → converted folder → image plan → layers → archive, registry, engine.
 * The same inputs give the same digest, because every time in the image is the description's. A failed build leaves no file.
 *
 * @throws USAGE when the image would be kept nowhere; what the base, the layers and the registry throw
 */
export const buildEmbedded = (options: BuildOptions): Promise<EmbeddedBuildReport> =>
  allOrNothing(options.existing, async (stage) => {
    if (options.exportFolder === null && !options.isPushed && options.engine === null)
      throw sharedError("USAGE", "--builder embedded keeps no image: add --export, --push or both");
    const archivePath = await freeArchivePath(options);
    if (options.isPushed) await checkRegistry(options.description.imageName, options);
    return await withLayerCache(layerCache(options), (cache) =>
      buildWithoutEngine(options, { archivePath, cache, stage }),
    );
  });

interface BuildPlaces {
  readonly archivePath: string | null;
  readonly cache: BlobCache;
  readonly stage: StageFile;
}

async function buildWithoutEngine(
  options: BuildOptions,
  { archivePath, cache, stage }: BuildPlaces,
): Promise<EmbeddedBuildReport> {
  const { description, progress, signal, keepBuildFiles } = options;
  const folder = await openBuildFolder(options.buildDir);
  try {
    const { image, labels, base, facts, place, modelTarball } = await assembleEmbedded(options, {
      ...{ cache, folder, stage },
      memo: keepBuildFiles ? null : cache,
    });
    const archive =
      archivePath === null
        ? null
        : await writeDockerArchive({
            ...{ image, path: archivePath, writtenTo: stage(archivePath, "last"), progress },
            ...aborting(signal),
          });
    const push = options.isPushed ? await pushToRegistry(image, place, options) : null;
    const attested = await attest({ image, base, facts, cache, archive, modelTarball, push, stage }, options);
    if (options.engine !== null) await loadImage(options.engine, image, signal);
    return {
      imageName: description.imageName,
      engine: options.engine?.description ?? null,
      configDigest: image.config.descriptor.digest,
      manifestDigest: image.manifest.descriptor.digest,
      labels,
      sizeBytes: image.layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0),
      baseImage: options.baseImage ?? facts.imageName,
      archive,
      pushed: push?.pushed ?? null,
      attested,
      modelTarball,
    };
  } finally {
    await (keepBuildFiles ? folder.keep() : folder.remove());
  }
}

export interface AssembledBuild extends EmbeddedBase {
  readonly image: OciImage;
  readonly labels: Readonly<Record<string, string>>;
  /** Null when the model is in the image. */
  readonly modelTarball: ModelTarball | null;
}

export interface AssemblyPlaces {
  readonly cache: BlobCache;
  readonly folder: BuildFolder;
  /** Null to convert everything again. */
  readonly memo: ConversionMemo | null;
  readonly stage: StageFile;
}

/** The image as it would be written, with its base; nothing is kept but cached layers. */
export async function assembleEmbedded(
  options: BuildOptions,
  { cache, folder, memo, stage }: AssemblyPlaces,
): Promise<AssembledBuild> {
  const { description, signal } = options;
  const base = await embeddedBase({ ...options, cache });
  const { plan, modelTarball } = await planBuild(options, {
    ...{ base: base.facts, folder, stage },
    ...(memo === null ? {} : { memo }),
  });
  const time = description.created;
  const image = await assembleImage({ plan, base: base.base, cache, time, ...aborting(signal) });
  return { ...base, image, labels: plan.labels, modelTarball };
}

interface BuiltParts extends Pick<EmbeddedBase, "base" | "facts"> {
  readonly image: OciImage;
  readonly cache: BlobCache;
  readonly archive: WrittenImage | null;
  readonly modelTarball: ModelTarball | null;
  readonly push: RegistryPush | null;
  readonly stage: StageFile;
}

async function attest(
  { image, base, facts, cache, archive, modelTarball, push, stage }: BuiltParts,
  options: BuildOptions,
): Promise<AttestedImage | null> {
  const { attestation, models, settings, hookFile, progress, signal } = options;
  if (attestation === null) return null;
  const baseImage = facts.imageName;
  return await attestImage({
    ...attestation,
    image: await describeOciImage(image, cache, signal),
    builder: "embedded",
    parameters: { baseImage, models: modelParameters(models), config: settings },
    inputs: [...baseInputs(baseImage, base), ...(await ownInputs({ models, hookFile, cache, progress }))],
    archive,
    modelTarball,
    pushedTo: push === null ? null : { client: push.client, manifest: image.manifest.descriptor },
    ...{ progress, stage },
  });
}
