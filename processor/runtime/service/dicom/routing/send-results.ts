import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { type DicomPeer, sendObjects } from "../dimse/sender.js";
import { exchangeError } from "../errors.js";
import type { StoredInstance } from "../store/instance-store.js";

export interface ResultSenderOptions {
  /** The peers that rules name. */
  readonly peers: ReadonlyMap<string, DicomPeer>;
  /** The name of this side. */
  readonly callingAe: string;
  /** The waits before each further try; none after the last. */
  readonly retriesMs: readonly number[];
  /** Receives what could not be sent, without names of patients. */
  readonly onTrouble: (error: unknown) => void;
}

const timeoutMs = 60_000;

/** Sends results to peers (C-STORE) and DICOMweb services (STOW-RS). It never holds up anything else. */
export class ResultSender {
  readonly #options: ResultSenderOptions;
  readonly #stop = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: ResultSenderOptions) {
    this.#options = options;
  }

  /** Resolves when the results have arrived or are given up; with false if this sender is closed before. */
  send(to: string, results: readonly StoredInstance[]): Promise<boolean> {
    return new Promise((resolve) => {
      this.#stop.signal.addEventListener("abort", () => resolve(false), { once: true });
      this.#try({ to, results, tried: 0, onOver: () => resolve(true) });
    });
  }

  close(): void {
    this.#stop.abort();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #try({ to, results, tried, onOver }: Sending): void {
    const { retriesMs, onTrouble } = this.#options;
    this.#sendOnce(to, results).then(onOver, (error: unknown) => {
      if (this.#stop.signal.aborted) return;
      onTrouble(error);
      const wait = retriesMs[tried];
      if (wait === undefined) {
        onOver();
        return;
      }
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#try({ to, results, tried: tried + 1, onOver });
      }, wait);
      this.#timers.add(timer);
    });
  }

  async #sendOnce(to: string, results: readonly StoredInstance[]): Promise<void> {
    const peer = this.#options.peers.get(to);
    const { signal } = this.#stop;
    if (peer === undefined) {
      await stowTo(to, results, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
      return;
    }
    const objects = results.map(({ path, sopClassUid, transferSyntaxUid, uids }) => {
      return { path, sopClassUid, transferSyntaxUid, sopInstanceUid: uids.instance };
    });
    const { callingAe } = this.#options;
    const statuses = await sendObjects(objects, { peer, callingAe, timeoutMs, signal });
    const refused = statuses.find((status) => !isStored(status));
    if (refused !== undefined)
      throw exchangeError(
        "DICOM_PEER_UNREACHABLE",
        `${to} does not take a result (${refused === null ? "no presentation context" : `status ${refused.toString(16)}`})`,
      );
  }
}

interface Sending {
  readonly to: string;
  readonly results: readonly StoredInstance[];
  /** The number of tries before. */
  readonly tried: number;
  readonly onOver: () => void;
}

/** Statuses that begin with B are warnings (PS3.4, B.2.3): the object is stored. */
const isStored = (status: number | null): boolean =>
  status === 0 || (status !== null && status >> 12 === 0xb);

/** Sends objects to a DICOMweb service, whose address ends before `/studies`. */
async function stowTo(
  address: string,
  results: readonly StoredInstance[],
  signal: AbortSignal,
): Promise<void> {
  const boundary = randomBytes(16).toString("hex");
  const body = async function* (): AsyncGenerator<Buffer> {
    for (const { path } of results) {
      yield Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`);
      for await (const chunk of createReadStream(path)) yield chunk as Buffer;
      yield Buffer.from("\r\n");
    }
    yield Buffer.from(`--${boundary}--\r\n`);
  };
  const url = new URL(address);
  const { username, password } = url;
  url.username = "";
  url.password = "";
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  const answer = await fetch(`${url.href.replace(/\/$/, "")}/studies`, {
    method: "POST",
    headers: {
      "content-type": `multipart/related; type="application/dicom"; boundary=${boundary}`,
      accept: "application/dicom+json",
      ...(username === "" ? {} : { authorization: `Basic ${credentials.toString("base64")}` }),
    },
    body: Readable.toWeb(Readable.from(body())) as ReadableStream,
    duplex: "half",
    redirect: "error",
    signal,
  } as RequestInit).catch((cause: unknown) => {
    throw exchangeError(
      "DICOM_PEER_UNREACHABLE",
      `${url.host} does not answer: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  });
  await answer.body?.cancel();
  if (answer.status !== 200)
    throw exchangeError("DICOM_PEER_UNREACHABLE", `${url.host} answers a result with ${answer.status}`);
}
