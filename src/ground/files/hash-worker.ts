import { createHash, type Hash } from "node:crypto";
import { parentPort } from "node:worker_threads";

/** A message to the thread that hashes: bytes of a stream, its end, or that its digest is not wanted. */
export type HashTask =
  | {
      readonly kind: "bytes";
      readonly stream: number;
      /** Shared memory, which belongs to the thread until it answers. */
      readonly slot: Uint8Array<SharedArrayBuffer>;
      readonly length: number;
    }
  | { readonly kind: "end"; readonly stream: number }
  | { readonly kind: "drop"; readonly stream: number };

/** An answer of the thread: that it has hashed the bytes, or the digest in hexadecimal. */
export type HashAnswer =
  | { readonly kind: "taken"; readonly stream: number }
  | { readonly kind: "digest"; readonly stream: number; readonly digest: string };

const port = parentPort;
if (port !== null) {
  const hashes = new Map<number, Hash>();
  const answer = (message: HashAnswer) => port.postMessage(message);
  port.on("message", (task: HashTask) => {
    const { stream } = task;
    const hash = hashes.get(stream) ?? createHash("sha256");
    hashes.delete(stream);
    if (task.kind === "bytes") {
      hashes.set(stream, hash.update(task.slot.subarray(0, task.length)));
      answer({ kind: "taken", stream });
    } else if (task.kind === "end") answer({ kind: "digest", stream, digest: hash.digest("hex") });
  });
}
