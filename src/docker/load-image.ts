import { Readable } from "node:stream";
import type { OciImage } from "../oci/oci-types.js";
import { archiveTar } from "../oci/write-image.js";
import type { Engine } from "./engine.js";
import { engineError } from "./engine-error.js";
import { engineEvents } from "./engine-events.js";
import { ImagesBefore } from "./images-before.js";

/**
 * Loads an image into the engine under its name, as `docker load` does. An abort stops the transfer. Once the
 * engine has the whole image, nothing can stop the load, so its end is awaited and the image is then removed.
 */
export async function loadImage(engine: Engine, image: OciImage, signal: AbortSignal): Promise<void> {
  const before = await ImagesBefore.of(engine, [image.imageName]);
  const archive = Readable.from(archiveTar(image));
  const breakOff = () => archive.destroy(new Error("interrupted"));
  signal.addEventListener("abort", breakOff, { once: true });
  try {
    signal.throwIfAborted();
    const answer = await engine.docker.loadImage(archive);
    for await (const { error } of engineEvents(answer as AsyncIterable<Buffer>))
      if (error !== undefined) throw new Error(error);
    signal.throwIfAborted();
  } catch (error) {
    if (signal.aborted) await before.restore();
    signal.throwIfAborted();
    throw engineError(error, `loading ${image.imageName}`, "IMAGE_BUILD_FAILED");
  } finally {
    signal.removeEventListener("abort", breakOff);
    archive.destroy();
  }
}
