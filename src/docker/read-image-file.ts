import { buffer } from "node:stream/consumers";
import { readTar } from "../../processor/files/tar/read-tar.js";
import type { Engine } from "./engine.js";
import { engineError, isNotFound } from "./engine-error.js";

/** A small file of an image. */
export interface ImageFileRequest {
  readonly imageName: string;
  /** Absolute path in the image. */
  readonly path: string;
  readonly maxBytes: number;
}

/**
 * Reads one file of an image from a container that is never started and is removed immediately; null if the
 * image does not contain the file.
 *
 * @throws ENGINE_FAILED, also if the file is larger than `maxBytes`
 */
export async function readImageFile({ docker }: Engine, request: ImageFileRequest): Promise<Buffer | null> {
  const { imageName, path, maxBytes } = request;
  try {
    const container = await docker.createContainer({ Image: imageName, NetworkDisabled: true });
    try {
      const tar = await container.getArchive({ path }).catch(nullWhenNotFound);
      if (tar === null) return null;
      for await (const entry of readTar(tar as AsyncIterable<Buffer>)) {
        if (entry.kind !== "file") return null;
        if (entry.sizeBytes > maxBytes) throw new Error(`${path} has ${entry.sizeBytes} bytes`);
        return await buffer(entry.bytes);
      }
      return null;
    } finally {
      await container.remove({ force: true });
    }
  } catch (error) {
    throw engineError(error, `reading ${path} of ${imageName}`, "ENGINE_FAILED");
  }
}

function nullWhenNotFound(error: unknown): null {
  if (isNotFound(error)) return null;
  throw error;
}
