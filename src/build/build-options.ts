import { basename, join } from "node:path";
import type { RuntimeSettings } from "../../processor/contract/manifest.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import type { Target } from "../../processor/contract/target.js";
import { type AttestationSettings, attestationFiles } from "../attest/attest-image.js";
import type { BaseVariant } from "../base-image/variants.js";
import type { Engine } from "../docker/engine.js";
import type { ExistingFile } from "../files/all-or-nothing.js";
import { requireAbsent, requireReplaceable } from "../files/output-file.js";
import type { ImagePlatform } from "../image/image-plan.js";
import type { ImageDescription } from "../image/processor-image-plan.js";
import type { ModelSet } from "../models/model-set.js";
import { archiveFileName } from "../oci/export-archive.js";
import type { RegistrySettings } from "../oci/registry/registry-access.js";

/** What a build needs, found and checked. */
export interface BuildOptions {
  readonly models: ModelSet;
  readonly settings: RuntimeSettings;
  readonly description: Omit<ImageDescription, "processorVersion">;
  /** Bundled hooks that the settings name; null for none. */
  readonly hookFile: string | null;
  /** Where the image will run. */
  readonly target: Target;
  /** Null for the recipe's own, which is built when the engine does not have it. */
  readonly baseImage: string | null;
  /** Whose recipe that is. */
  readonly baseVariant: BaseVariant;
  /** Index of Python packages that CUDA's libraries come from; null where pip is set to none. */
  readonly pythonIndex: URL | null;
  readonly buildDir: string;
  /** Docker builds for linux/amd64 alone. */
  readonly platform: ImagePlatform;
  readonly keepBuildFiles: boolean;
  /** Where the archive goes; null for none. */
  readonly exportFolder: string | null;
  /** What happens to an existing archive, its documents and a model tarball; a build that fails keeps them. */
  readonly existing: ExistingFile;
  /** The documents about the image, next to the archive and in the registry; null for none. */
  readonly attestation: AttestationSettings | null;
  /** Where a platform prescribes it; null for the image's own. */
  readonly archiveName: string | null;
  /** The engine that gets an image which this program assembled; null for none. */
  readonly engine: Engine | null;
  /** Send the image to the registry in its name. */
  readonly isPushed: boolean;
  readonly registries: RegistrySettings;
  /** `processor.lock.json`, which pins base images from registries; null to pin nothing. */
  readonly lockFile: string | null;
  /** Where the model goes, apart from the image; null for into the image. */
  readonly modelTarball: string | null;
  /** Holds what the base image is made of, for the next time. */
  readonly cacheFolder: string;
  /** Of layers that stay in the cache when the build is done. */
  readonly cacheLimitBytes: number;
  /** Says where the engine is: `DOCKER_HOST` and its like. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

type ArchiveOptions = Pick<
  BuildOptions,
  "exportFolder" | "archiveName" | "attestation" | "modelTarball" | "existing"
> & { readonly description: Pick<BuildOptions["description"], "imageName"> };

/**
 * Returns where the archive goes, or null for none. Fails before the build if something exists there that is to be kept.
 *
 * @throws OUTPUT_EXISTS
 */
export async function freeArchivePath(options: ArchiveOptions): Promise<string | null> {
  const { exportFolder, archiveName, description, attestation, modelTarball, existing } = options;
  const path =
    exportFolder === null ? null : join(exportFolder, archiveName ?? archiveFileName(description.imageName));
  const documents = path === null || attestation === null ? null : attestationFiles(path);
  const beside = [modelTarball, documents?.spdx, documents?.provenance].filter(
    (name) => name !== null && name !== undefined,
  );
  if (existing === "replace") {
    for (const file of [...beside, ...(path === null ? [] : [path])]) await requireReplaceable(file);
    return path;
  }
  if (path !== null) await requireAbsent(path);
  for (const file of beside) await requireAbsent(file, path === null ? "" : withoutArchive(path));
  return path;
}

/** The archive gets its name last: what is there without it is the rest of a build, or of what somebody moved. */
const withoutArchive = (path: string): string =>
  `, but ${basename(path)} is not: a build that was killed at its end leaves this, and so does moving the archive. Delete it, or run the build without --no-overwrite`;

/** Where layers are kept for the next build, as `withLayerCache` takes it. */
export const layerCache = ({ cacheFolder, cacheLimitBytes, progress, signal }: BuildOptions) => ({
  folder: join(cacheFolder, "layers"),
  limitBytes: cacheLimitBytes,
  progress,
  ...aborting(signal),
});

/** An option that is absent rather than undefined. */
export const aborting = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal });
