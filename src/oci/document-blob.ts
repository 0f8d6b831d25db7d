import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import type { Blob } from "./oci-types.js";

/** A JSON document as a blob; its digest is that of exactly these bytes. */
export const documentBlob = (mediaType: string, value: object): Blob =>
  bytesBlob(mediaType, Buffer.from(JSON.stringify(value)));

/** The whole of a small document. */
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
