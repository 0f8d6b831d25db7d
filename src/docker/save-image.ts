import type { Engine } from "./engine.js";
import { engineError } from "./engine-error.js";

/**
 * Streams the image as one tar in the format of `docker save`: layers, configuration and name.
 *
 * @throws EXPORT_FAILED with Docker's message
 */
export async function* saveImage({ docker }: Engine, imageName: string): AsyncGenerator<Buffer> {
  try {
    yield* (await docker.getImage(imageName).get()) as AsyncIterable<Buffer>;
  } catch (error) {
    throw engineError(error, `saving ${imageName}`, "EXPORT_FAILED");
  }
}
