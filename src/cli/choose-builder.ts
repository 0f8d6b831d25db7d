import { sharedError } from "../../processor/contract/shared-errors.js";
import { connectEngine, type Engine } from "../docker/engine.js";
import { isWithoutEngine } from "../docker/engine-error.js";
import type { ImagePlatform } from "../image/image-plan.js";
import type { CommandSession } from "./command-session.js";

export type Builder = "docker" | "embedded";

export interface BuilderWish {
  readonly builder: Builder | "auto";
  readonly platform: ImagePlatform;
  /** The image goes somewhere besides the engine: into an archive or a registry. */
  readonly isKeptElsewhere: boolean;
  /** Null for the recipe's own. */
  readonly baseImage: string | null;
  /** True if the build context is kept, for `docker build`. */
  readonly isContextKept: boolean;
}

export interface BuilderChoice {
  readonly builder: Builder;
  /** The engine that gets the image which this program assembled; null for none. */
  readonly engine: Engine | null;
}

/**
 * Chooses who builds the image. By default this program does, because its images can be rebuilt bit for bit, and loads the
 * result into a Docker engine if one answers. Docker builds when asked to, and on a base image by name, which may exist
 * only in the engine.
 *
 * @throws ENGINE_MISSING, ENGINE_FORBIDDEN when only an engine could keep the image
 */
export async function chooseBuilder(
  { builder, platform, isKeptElsewhere, baseImage, isContextKept }: BuilderWish,
  { terminal, progress, signal }: CommandSession,
): Promise<BuilderChoice> {
  if (platform !== "linux/amd64") {
    if (builder === "embedded" || isKeptElsewhere) return { builder: "embedded", engine: null };
    throw sharedError(
      "USAGE",
      `--platform ${platform} needs --export or --push, because the image is not loaded into Docker`,
    );
  }
  if (builder !== "auto") return { builder, engine: null };
  try {
    const engine = await connectEngine(terminal.environment, signal);
    const isBaseOfEngine = baseImage !== null && !/^(oci|docker-archive):/.test(baseImage);
    return isBaseOfEngine || isContextKept
      ? { builder: "docker", engine: null }
      : { builder: "embedded", engine };
  } catch (error) {
    if (!isWithoutEngine(error) || !isKeptElsewhere) throw error;
    progress.note(`Building the image without Docker (${error.message})`);
    return { builder: "embedded", engine: null };
  }
}
