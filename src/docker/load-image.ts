import { Readable } from "node:stream";
import type { OciImage } from "../oci/oci-types.js";
import { archiveTar } from "../oci/write-image.js";
import type { Engine } from "./engine.js";
import { engineError } from "./engine-error.js";
import { engineEvents } from "./engine-events.js";

/**
 * Loads an image into the engine under its name, as `docker load` does.
 *
 * @throws IMAGE_BUILD_FAILED with Docker's own words, ENGINE_DISK_FULL
 */
export async function loadImage(engine: Engine, image: OciImage, signal?: AbortSignal): Promise<void> {
  const archive = Readable.from(archiveTar(image));
  const breakOff = () => archive.destroy(new Error("interrupted"));
  signal?.addEventListener("abort", breakOff, { once: true });
  try {
    signal?.throwIfAborted();
    const answer = await engine.docker.loadImage(archive);
    for await (const { error } of engineEvents(answer as AsyncIterable<Buffer>))
      if (error !== undefined) throw new Error(error);
  } catch (error) {
    signal?.throwIfAborted();
    throw engineError(error, `loading ${image.imageName}`, "IMAGE_BUILD_FAILED");
  } finally {
    signal?.removeEventListener("abort", breakOff);
    archive.destroy();
  }
}
