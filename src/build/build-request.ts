import type { RuntimeSettings } from "../../processor/contract/manifest.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import type { Target } from "../../processor/contract/target.js";
import type { AttestationSettings } from "../attest/attest-image.js";
import type { BaseVariant } from "../base-image/variants.js";
import type { ExistingFile } from "../files/all-or-nothing.js";
import type { ImagePlatform } from "../image/image-plan.js";
import type { ImageDescription } from "../image/processor-image-plan.js";
import type { ModelSet } from "../models/model-set.js";
import type { RegistrySettings } from "../oci/registry/registry-access.js";

/** What a build needs, found and checked: one part for each step. */
export interface BuildRequest {
  readonly models: ModelSet;
  readonly settings: RuntimeSettings;
  /** Bundled hooks that the settings name; null for none. */
  readonly hookFile: string | null;
  readonly image: ImageRequest;
  readonly base: BaseRequest;
  readonly outputs: OutputRequest;
  /** The documents about the image, next to the archive and in the registry; null for none. */
  readonly attestation: AttestationSettings | null;
  readonly context: BuildContext;
}

/** How the image is called, what it says about itself, and where it will run. */
export interface ImageRequest {
  readonly description: Omit<ImageDescription, "processorVersion">;
  readonly target: Target;
  /** Docker builds for linux/amd64 alone. */
  readonly platform: ImagePlatform;
}

/** The image under the processor. */
export interface BaseRequest {
  /** Null for the recipe's own, which is made when it is missing. */
  readonly imageName: string | null;
  /** The recipe's variant. */
  readonly variant: BaseVariant;
  /** Index of Python packages that CUDA's libraries come from; null where pip is set to none. */
  readonly pythonIndex: URL | null;
}

/** Where the results go. */
export interface OutputRequest {
  /** Where the archive goes; null for none. */
  readonly exportFolder: string | null;
  /** The archive's name where a platform prescribes it; null for the image's own. */
  readonly archiveName: string | null;
  /** Where the model goes, apart from the image; null for into the image. */
  readonly modelTarball: string | null;
  /** What happens to an existing archive, its documents and a model tarball; a build that fails keeps them. */
  readonly existing: ExistingFile;
  /** Send the image to the registry in its name. */
  readonly isPushed: boolean;
  /** For what the build makes on the way. */
  readonly buildDir: string;
  readonly keepsBuildFiles: boolean;
}

/** The surroundings of a build. */
export interface BuildContext {
  readonly registries: RegistrySettings;
  /** `processor.lock.json`, which pins base images from registries; null to pin nothing. */
  readonly lockFile: string | null;
  /** Holds what base images and layers are made of, for the next time. */
  readonly cacheFolder: string;
  /** The size of the layers that stay in the cache when the build is done. */
  readonly cacheLimitBytes: number;
  /** Says where the engine is: `DOCKER_HOST` and the like. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}
