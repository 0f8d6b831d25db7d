import type { Progress } from "../../processor/contract/progress/progress.js";
import { builderError } from "../ground/errors/builder-errors.js";
import type { Engine } from "./engine.js";
import { engineError, isNotFound } from "./engine-error.js";
import { engineEvents } from "./engine-events.js";

/** An image in the engine. */
export interface EngineImage {
  readonly imageName: string;
  /** Digest of the image's configuration, `sha256:…`. */
  readonly imageId: string;
  readonly sizeBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  /** The platform, such as `linux/amd64`. */
  readonly platform: string;
  /** ISO 8601; null if the image does not contain it. */
  readonly created: string | null;
}

/** Finds an image in the engine; null if there is none of that name. */
export async function findImage({ docker }: Engine, imageName: string): Promise<EngineImage | null> {
  try {
    const { Id, Size, Config, Os, Architecture, Created } = await docker.getImage(imageName).inspect();
    return {
      imageName,
      imageId: Id,
      sizeBytes: Size,
      labels: Config.Labels ?? {},
      platform: `${Os}/${Architecture}`,
      created: Created || null,
    };
  } catch (error) {
    if (isNotFound(error)) return null;
    throw engineError(error, `looking for ${imageName}`, "ENGINE_FAILED");
  }
}

export interface PullImageOptions {
  readonly engine: Engine;
  readonly imageName: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Finds the image in the engine, or pulls it from its registry.
 *
 * @throws BASE_IMAGE_MISSING with Docker's own reason if the image cannot be pulled
 */
export async function findOrPullImage(options: PullImageOptions): Promise<EngineImage> {
  const { engine, imageName, progress, signal } = options;
  const present = await findImage(engine, imageName);
  if (present !== null) return present;
  const doing = `the engine has no image ${imageName} and can't pull it`;
  const task = progress.start({ label: `pulling ${imageName}`, unit: "steps" });
  try {
    const answer = await engine.docker.pull(withTag(imageName), { abortSignal: signal });
    for await (const { error, status } of engineEvents(answer as AsyncIterable<Buffer>)) {
      if (error !== undefined) throw new Error(error);
      if (status === "Pull complete") task.advance(1);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw engineError(error, doing, "BASE_IMAGE_MISSING");
  } finally {
    task.done();
  }
  const pulled = await findImage(engine, imageName);
  if (pulled === null) throw builderError("BASE_IMAGE_MISSING", doing);
  return pulled;
}

/** Adds Docker's default tag, because without a tag the engine's API pulls every tag of the name. */
export const withTag = (imageName: string): string =>
  /[:@]/.test(imageName.slice(imageName.lastIndexOf("/") + 1)) ? imageName : `${imageName}:latest`;
