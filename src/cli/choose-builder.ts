import { ProcessorError } from "../../processor/errors.js";
import { connectEngine } from "../image/docker/engine.js";
import { isWithoutEngine } from "../image/docker/engine-error.js";
import type { ImagePlatform } from "../image/image-plan.js";
import type { CommandSession } from "./command-session.js";

export type Builder = "docker" | "embedded";

export interface BuilderWish {
  readonly builder: Builder | "auto";
  readonly platform: ImagePlatform;
  /** The image goes somewhere besides the engine: into an archive or a registry. */
  readonly isKeptElsewhere: boolean;
}

/**
 * Docker when an engine answers, this program alone when none does and the image has a place to go.
 *
 * @throws ENGINE_MISSING, ENGINE_FORBIDDEN when only an engine could keep the image
 */
export async function chooseBuilder(
  { builder, platform, isKeptElsewhere }: BuilderWish,
  { terminal, progress, signal }: CommandSession,
): Promise<Builder> {
  if (platform !== "linux/amd64") {
    if (builder === "embedded" || isKeptElsewhere) return "embedded";
    throw new ProcessorError(
      "USAGE",
      `--platform ${platform} needs --export or --push: no engine is asked for it`,
    );
  }
  if (builder !== "auto") return builder;
  try {
    await connectEngine(terminal.environment, signal);
    return "docker";
  } catch (error) {
    if (!isWithoutEngine(error) || !isKeptElsewhere) throw error;
    progress.note(`The image is put together without Docker (${error.message})`);
    return "embedded";
  }
}
