import type { Progress } from "../../processor/contract/progress/progress.js";
import type { ImageSettings } from "../../processor/contract/run-settings.js";
import type { Target } from "../../processor/contract/target.js";
import type { AttestationSettings } from "../attest/attest-image.js";
import type { FindIndex } from "../base-image/python-index.js";
import type { BasePart, BaseVariant } from "../base-image/variants.js";
import type { ExistingFile } from "../ground/files/all-or-nothing.js";
import type { OwnPart } from "../image/codec-files.js";
import type { ImagePlatform } from "../image/image-plan.js";
import type { ImageDescription } from "../image/processor-image-plan.js";
import type { ModelSet } from "../models/model-set.js";
import type { RegistrySettings } from "../oci/registry/registry-access.js";

/** Everything that a build needs, found and checked: one part for each step. */
export interface BuildRequest {
  /** Null for an image for any model, which converts the model that it is given when it runs. */
  readonly models: ModelSet | null;
  readonly settings: ImageSettings;
  /** The bundled hooks that the settings name; null for none. */
  readonly hookFile: string | null;
  readonly image: ImageRequest;
  readonly base: BaseRequest;
  readonly outputs: OutputRequest;
  /** Settings of the documents next to the archive and in the registry; null to write none. */
  readonly attestation: AttestationSettings | null;
  readonly context: BuildContext;
}

/** The image's name, its description and its platform. */
export interface ImageRequest {
  readonly description: Omit<ImageDescription, "processorVersion">;
  readonly target: Target;
  /** Docker builds only for linux/amd64. */
  readonly platform: ImagePlatform;
  /** Parts above the base image that the image does without. */
  readonly leftOut: readonly OwnPart[];
}

/** The base image of a build. */
export interface BaseRequest {
  /** Null for the recipe's image, which is built if it is missing. */
  readonly imageName: string | null;
  /** The variant of the recipe. */
  readonly variant: BaseVariant;
  /** The compute capabilities of the GPUs that the image is for; empty for all that the variant has code for. */
  readonly gpuArchitectures: readonly string[];
  /** The parts that the recipe's image is built without. */
  readonly leftOut: readonly BasePart[];
  /** Finds the index of Python packages from which the libraries of CUDA and OpenVINO are downloaded. */
  readonly findIndex: FindIndex;
}

/** The places of the results. */
export interface OutputRequest {
  /** The folder for the archive; null to write none. */
  readonly exportFolder: string | null;
  /** The archive's name if the platform prescribes one; null to derive it from the image's name. */
  readonly archiveName: string | null;
  /** The path of the model's tarball; null to put the model into the image. */
  readonly modelTarball: string | null;
  /** The treatment of an existing archive, its documents and a model tarball. A build that fails keeps them. */
  readonly existing: ExistingFile;
  /** True to push the image to the registry in its name. */
  readonly isPushed: boolean;
  /** The folder for intermediate files. */
  readonly buildDir: string;
  readonly keepsBuildFiles: boolean;
}

/** The environment of a build. */
export interface BuildContext {
  readonly registries: RegistrySettings;
  /** `processor.lock.json`, which pins base images from registries; null to pin nothing. */
  readonly lockFile: string | null;
  /** Keeps downloads and layers for later builds. */
  readonly cacheFolder: string;
  /** The maximum size of the layers that stay in the cache after the build. */
  readonly cacheLimitBytes: number;
  /** Environment variables, such as `DOCKER_HOST`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}
