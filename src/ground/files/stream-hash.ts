import { createHash, type Hash } from "node:crypto";
import {
  type HashedStream,
  openHashedStream,
  releaseSlot,
  type Slot,
  slotBytes,
  takeSlot,
} from "./hash-threads.js";

/** A stream of fewer slots is hashed on this thread, because another thread takes some milliseconds to start. */
const smallSlots = 4;

/**
 * The SHA-256 of a stream. Long streams are hashed on another thread, so that reading, hashing and writing overlap. The
 * bytes may be changed after `update` has returned its promise.
 *
 * Either `digest` or `drop` must be called at the end.
 */
export class StreamHash {
  /** For a stream that is known to be small. */
  readonly #small: Hash | null;
  /** The slots that are full, before there is a thread. */
  #early: Slot[] = [];
  /** The slot that is being filled. */
  #slot: Slot | null = null;
  #filled = 0;
  #thread: HashedStream | null = null;

  /** @param sizeBytes null if it is not known */
  constructor(sizeBytes: number | null = null) {
    const isSmall = sizeBytes !== null && sizeBytes < smallSlots * slotBytes;
    this.#small = isSmall ? createHash("sha256") : null;
  }

  /** Resolves when more bytes may follow. */
  async update(bytes: Uint8Array): Promise<void> {
    if (this.#small !== null) {
      this.#small.update(bytes);
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      this.#slot ??= takeSlot();
      const part = bytes.subarray(at, at + slotBytes - this.#filled);
      this.#slot.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === slotBytes) await this.#full(this.#slot);
    }
  }

  /** Returns the digest in hexadecimal. */
  async digest(): Promise<string> {
    if (this.#small !== null) return this.#small.digest("hex");
    const rest = this.#slot;
    this.#slot = null;
    if (this.#thread !== null) {
      if (rest !== null) await this.#thread.send(rest, this.#filled);
      return this.#thread.end();
    }
    const hash = createHash("sha256");
    for (const slot of this.#early) hash.update(slot);
    if (rest !== null) hash.update(rest.subarray(0, this.#filled));
    this.#release(rest);
    return hash.digest("hex");
  }

  /** Forgets a stream that will not be completed; without effect after `digest`. */
  drop(): void {
    this.#release(this.#slot);
    this.#slot = null;
    this.#thread?.drop();
  }

  async #full(slot: Slot): Promise<void> {
    this.#slot = null;
    this.#filled = 0;
    if (this.#thread !== null) return this.#thread.send(slot, slotBytes);
    this.#early.push(slot);
    if (this.#early.length < smallSlots) return;
    this.#thread = openHashedStream();
    const early = this.#early;
    this.#early = [];
    for (const part of early) await this.#thread.send(part, slotBytes);
  }

  #release(last: Slot | null): void {
    for (const slot of this.#early) releaseSlot(slot);
    this.#early = [];
    if (last !== null) releaseSlot(last);
  }
}

/** Hashes chunks that pass. The digest is known once the last chunk has passed. */
export async function* hashing(
  chunks: AsyncIterable<Uint8Array>,
  hash: StreamHash,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    await hash.update(chunk);
    yield chunk;
  }
}
