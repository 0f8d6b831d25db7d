import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { makeFolder } from "../../../files/make-folder.js";
import { serviceError } from "../errors.js";

/** The Orthanc of the server's settings. A request cannot name another one. */
export interface OrthancSettings {
  readonly url: string;
  /** `USER:PASSWORD`; null for none. */
  readonly credentials: string | null;
}

const requestMs = 600_000;

/** An Orthanc server, as far as `/infer_orthanc` needs it. */
export class Orthanc {
  readonly #settings: OrthancSettings;
  readonly #maxBytes: number;

  constructor(settings: OrthancSettings, maxBytes: number) {
    this.#settings = settings;
    this.#maxBytes = maxBytes;
  }

  /** Writes the files of a series as a zip file. */
  async downloadSeries(id: string, path: string, signal: AbortSignal): Promise<void> {
    const response = await this.#ask(`series/${encodeURIComponent(id)}/archive`, { signal });
    await makeFolder(dirname(path), 0o700);
    let bytes = 0;
    const most = this.#maxBytes;
    const counted = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const part of source) {
        bytes += part.length;
        if (bytes > most)
          throw serviceError("UPLOAD_TOO_LARGE", `the series ${id} has more than ${most} bytes`);
        yield part;
      }
    };
    await pipeline(
      Readable.fromWeb(response.body as import("node:stream/web").ReadableStream),
      counted,
      createWriteStream(path, { mode: 0o600 }),
      { signal },
    );
  }

  /** Stores a DICOM file, and returns Orthanc's answer. */
  async upload(path: string, signal: AbortSignal): Promise<unknown> {
    const response = await this.#ask("instances", {
      method: "POST",
      headers: { "content-type": "application/dicom" },
      body: await readFile(path),
      signal,
    });
    return response.json().catch((cause: unknown) => {
      signal.throwIfAborted();
      throw serviceError("ORTHANC_FAILED", "Orthanc's answer for instances is not JSON", { cause });
    });
  }

  /** @throws ORTHANC_FAILED */
  async #ask(path: string, init: RequestInit & { readonly signal: AbortSignal }): Promise<Response> {
    const { url, credentials } = this.#settings;
    const authorization =
      credentials === null ? {} : { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
    const response = await fetch(new URL(path, url.endsWith("/") ? url : `${url}/`), {
      ...init,
      redirect: "error",
      signal: AbortSignal.any([init.signal, AbortSignal.timeout(requestMs)]),
      headers: { ...(init.headers as Record<string, string> | undefined), ...authorization },
    }).catch((cause: unknown) => {
      throw serviceError("ORTHANC_FAILED", "Orthanc cannot be reached", { cause });
    });
    if (response.ok) return response;
    await response.body?.cancel();
    throw serviceError("ORTHANC_FAILED", `Orthanc answers ${response.status} for ${path}`);
  }
}
