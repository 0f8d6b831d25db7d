import { createHash } from "node:crypto";
import { regularFileBytes } from "../../files/read-text-file.js";

/** Returns the SHA-256 of a file, in hexadecimal. */
export async function fileDigest(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const bytes of regularFileBytes(path)) {
    signal.throwIfAborted();
    hash.update(bytes);
  }
  return hash.digest("hex");
}
