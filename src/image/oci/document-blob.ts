import { createHash } from "node:crypto";
import type { Blob } from "./oci-types.js";

/** A JSON document as a blob; its digest is that of exactly these bytes. */
export const documentBlob = (mediaType: string, value: object): Blob =>
  bytesBlob(mediaType, Buffer.from(JSON.stringify(value)));

export function bytesBlob(mediaType: string, bytes: Buffer): Blob {
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return {
    descriptor: { mediaType, digest, size: bytes.length },
    open: async function* () {
      yield bytes;
    },
  };
}
