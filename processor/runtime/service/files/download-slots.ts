import type { FastifyReply } from "fastify";
import { serviceError } from "../errors.js";

const silenceMs = 60_000;

/** Limits the downloads at one time, each of which holds an open file. */
export class DownloadSlots {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @throws QUEUE_FULL if there are too many */
  take(reply: FastifyReply): void {
    if (this.#taken >= this.#most)
      throw serviceError("QUEUE_FULL", `${this.#most} downloads are running, which is the most`);
    this.#taken++;
    const { raw } = reply;
    // A client that does not read must not keep its place.
    raw.setTimeout(silenceMs, () => raw.destroy());
    raw.once("close", () => this.#taken--);
  }
}
