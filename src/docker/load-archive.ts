import { createReadStream } from "node:fs";
import { builderError } from "../ground/errors/builder-errors.js";
import type { Engine } from "./engine.js";
import { engineError } from "./engine-error.js";
import { engineEvents } from "./engine-events.js";
import { ImagesBefore } from "./images-before.js";

/** An image that was temporarily loaded from an archive. */
export interface LoadedImage {
  /** Name or id of the image in the engine. */
  readonly reference: string;
  /** Removes the image, and restores the names that referred to another image before. */
  unload(): Promise<void>;
}

export interface LoadArchiveOptions {
  readonly engine: Engine;
  readonly archive: string;
  /** The names in the archive. `docker load` silently reassigns them from other images. */
  readonly names: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Loads an archive as `docker load` does, in a way that can be undone.
 *
 * @throws IMAGE_FILE_INVALID with Docker's message
 */
export async function loadArchive(options: LoadArchiveOptions): Promise<LoadedImage> {
  const { engine, archive, names, signal } = options;
  const before = await ImagesBefore.of(engine, names);
  let loaded: string | null = null;
  const unload = () => before.restore(loaded);
  try {
    loaded = await load(engine, archive);
    signal.throwIfAborted();
    return { reference: loaded, unload };
  } catch (error) {
    await unload();
    signal.throwIfAborted();
    throw engineError(error, `loading ${archive}`, "IMAGE_FILE_INVALID");
  }
}

async function load(engine: Engine, archive: string): Promise<string> {
  let said = "";
  const answer = await engine.docker.loadImage(createReadStream(archive));
  for await (const { error, stream } of engineEvents(answer as AsyncIterable<Buffer>)) {
    if (error !== undefined) throw new Error(error);
    said += stream ?? "";
  }
  const reference = /Loaded image(?: ID)?: (\S+)/.exec(said)?.[1];
  if (reference === undefined)
    throw builderError("IMAGE_FILE_INVALID", `${archive}: Docker found no image in it: ${said.trim()}`);
  return reference;
}
