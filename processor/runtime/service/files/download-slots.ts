import type { FastifyReply } from "fastify";
import { serviceError } from "../errors.js";

const usualSilenceMs = 60_000;

/** Limits the downloads at one time, each of which holds an open file. */
export class DownloadSlots {
  readonly #most: number;
  readonly #silenceMs: number;
  #taken = 0;

  /** @param silenceMs the longest time for which a client may read nothing */
  constructor(most: number, silenceMs = usualSilenceMs) {
    this.#most = most;
    this.#silenceMs = silenceMs;
  }

  /** @throws QUEUE_FULL if there are too many */
  take(reply: FastifyReply): void {
    if (this.#taken >= this.#most)
      throw serviceError("QUEUE_FULL", `${this.#most} downloads are running, which is the most`);
    const { raw } = reply;
    // If the client has already disconnected, no further `close` event would free the slot.
    if (raw.destroyed) return;
    this.#taken++;
    // A client that does not read must not keep its place.
    raw.setTimeout(this.#silenceMs, () => raw.destroy());
    raw.once("close", () => this.#taken--);
  }
}
