import type { ProcessorManifest } from "../../processor/contract/manifest.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import type { Target } from "../../processor/contract/target.js";
import type { PlatformsJson } from "../config/target-config.js";
import type { ImagePlatform } from "../image/image-plan.js";
import type { TargetImage } from "../image/target-image.js";
import type { ArchiveCheck } from "./preflight/archive-checks.js";
import type { Simulation } from "./simulate/simulation.js";

/** The requirements of one platform for config.json, the model, the image and a run. */
export interface Platform<T extends Target = Target> {
  readonly kind: T["kind"];
  readonly config: PlatformConfig<T>;
  /** The compute capabilities of the platform's GPUs; empty if it may have any. */
  readonly gpuArchitectures: readonly string[];
  /**
   * Refuses a model that the platform would refuse later.
   *
   * @throws TARGET_UNFIT for the model, CONFIG_INVALID for what config.json says about it
   */
  check(target: T, manifest: ProcessorManifest): void;
  /** @throws USAGE if the platform does not run images for the machine */
  image(target: T, context: TargetImageContext): Promise<TargetImage>;
  /** The label that the platform itself reads in an image; null if it reads none. */
  readonly ownLabel: string | null;
  /** True if the platform can mount a model that was uploaded separately from its image. */
  readonly takesModelTarball: boolean;
  /** True if its images answer HTTP requests, which they then also do without the service. */
  readonly answersRequests: boolean;
  /** The parts of a `docker run` command that runs the image as the platform does; null if only `simulate` can. */
  readonly dockerRun: DockerRun | null;
  /** The platform's checks after an upload, in its order. */
  readonly preflight: readonly ArchiveCheck[];
  readonly simulation: Simulation;
}

/** A platform's part of config.json. */
export interface PlatformConfig<T extends Target = Target> {
  /** The key with its settings, which config.schema.json describes; null if it has none. */
  readonly key: keyof PlatformsJson | null;
  /** @throws CONFIG_INVALID if config.json lacks what the platform needs */
  target(json: PlatformsJson): T;
  /** Null if the platform has no rules for the names of images and archives. */
  readonly naming: Naming | null;
  /** Null if `init` needs no further option for the platform. */
  readonly initial: InitialSetting | null;
}

/** A platform's rules for the names of an image and its archive. */
export interface Naming {
  /**
   * @param given the name on the command line; null for none
   * @throws CONFIG_INVALID if neither the command line nor config.json gives a name, TAG_INVALID
   */
  imageName(json: PlatformsJson, given: string | null): string;
  archiveName(json: PlatformsJson, imageName: string): string;
}

/** The one option that `build_processor init` requires for a platform. */
export interface InitialSetting {
  readonly option: "output-socket" | "team";
  /** Completes `--target … needs --option`. */
  readonly meaning: string;
  keys(value: string): PlatformsJson;
  /** Returns a hint for a model with several channels; null for none. */
  channelsNote(channelNames: readonly string[]): string | null;
}

/** The inputs from which a target makes its part of the image. */
export interface TargetImageContext {
  readonly platform: ImagePlatform;
  readonly cacheFolder: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface DockerRun {
  /** The folder with `input` and `output`; empty for the root. */
  readonly folder: string;
  /** The command after the image's name; empty for none. */
  readonly command: string;
}
