import { createHash } from "node:crypto";
import { builderError } from "../ground/errors/builder-errors.js";
import type { Descriptor } from "./oci-shapes.js";

/** Yields bytes unchanged. Fails at their end if they do not match the descriptor. */
export async function* verified(
  bytes: AsyncIterable<Uint8Array>,
  { digest, size }: Descriptor,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let seen = 0;
  for await (const chunk of bytes) {
    seen += chunk.length;
    if (seen > size) break;
    hash.update(chunk);
    yield chunk;
  }
  if (seen !== size)
    throw builderError("IMAGE_FILE_INVALID", `${digest} should have ${size} bytes, but has another size`);
  if (`sha256:${hash.digest("hex")}` !== digest)
    throw builderError("IMAGE_FILE_INVALID", `${digest}: the bytes have another digest`);
}
