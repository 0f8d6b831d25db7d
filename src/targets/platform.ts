import type { ProcessorManifest } from "../../processor/contract/manifest.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import type { Target } from "../../processor/contract/target.js";
import type { PlatformsJson } from "../config/target-config.js";
import type { ImagePlatform } from "../image/image-plan.js";
import type { TargetImage } from "../image/target-image.js";
import type { ArchiveCheck } from "./preflight/archive-checks.js";
import type { Simulation } from "./simulate/simulation.js";

/** All that one platform asks: of config.json, of the model, of the image, and of a run. */
export interface Platform<T extends Target = Target> {
  readonly kind: T["kind"];
  readonly config: PlatformConfig<T>;
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
  /** True if the platform puts a model in place that was uploaded apart from its image. */
  readonly takesModelTarball: boolean;
  /** How `docker run` does the same by hand; null if only `simulate` can. */
  readonly dockerRun: DockerRun | null;
  /** What it checks after an upload, in its order. */
  readonly preflight: readonly ArchiveCheck[];
  readonly simulation: Simulation;
}

/** A platform's part of config.json. */
export interface PlatformConfig<T extends Target = Target> {
  /** The key with its settings, which config.schema.json describes; null if it has none. */
  readonly key: keyof PlatformsJson | null;
  /** @throws CONFIG_INVALID if config.json lacks what the platform needs */
  target(json: PlatformsJson): T;
  /** Null if people name images and archives as they like. */
  readonly naming: Naming | null;
  /** Null if the platform needs to know nothing more. */
  readonly initial: InitialSetting | null;
}

/** How a platform wants an image and its archive to be named. */
export interface Naming {
  /**
   * @param given the name on the command line; null for none
   * @throws CONFIG_INVALID if there is no name, TAG_INVALID
   */
  imageName(json: PlatformsJson, given: string | null): string;
  archiveName(json: PlatformsJson, imageName: string): string;
}

/** The one thing that `build_processor init` must be told for a platform. */
export interface InitialSetting {
  readonly option: "output-socket" | "team";
  /** Completes `--target … needs --option`. */
  readonly meaning: string;
  keys(value: string): PlatformsJson;
  /** What the user may want to add for a model with several channels; null for nothing. */
  readonly channelsNote: string | null;
}

/** What the image of a target may be made of. */
export interface TargetImageContext {
  readonly platform: ImagePlatform;
  readonly cacheFolder: string;
  readonly progress: Progress;
  readonly signal: AbortSignal | null;
}

export interface DockerRun {
  /** Holds `input` and `output`; empty for the root. */
  readonly folder: string;
  /** Follows the image's name; empty for none. */
  readonly command: string;
}
