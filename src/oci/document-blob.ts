import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import type { Blob } from "./oci-types.js";

/** Creates a blob from a JSON document. The digest is that of exactly these bytes. */
export const documentBlob = (mediaType: string, value: object): Blob =>
  bytesBlob(mediaType, Buffer.from(JSON.stringify(value)));

/** Reads a small document completely. */
export const textOf = async (bytes: AsyncIterable<Uint8Array>): Promise<string> =>
  (await buffer(bytes)).toString("utf8");

export function bytesBlob(mediaType: string, bytes: Buffer): Blob {
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return {
    descriptor: { mediaType, digest, size: bytes.length },
    open: async function* () {
      yield bytes;
    },
  };
}
