import { type ServiceClient, ServiceError } from "./http.js";

const chunkBytes = 8 << 20;
/** Larger files are sent without a digest, because the browser computes it only of bytes in memory. */
const maxDigestBytes = 256 << 20;
const pausesMs = [500, 1000, 2000, 4000, 8000, 15_000, 30_000];

interface Upload {
  readonly id: string;
  /** The bytes that the service has. */
  readonly received: number;
}

/** One file to upload. */
export interface UploadRequest {
  readonly name: string;
  readonly content: Blob;
  readonly signal: AbortSignal;
  /** Called with the bytes that the service has, and with true while the connection is lost. */
  readonly onProgress: (sentBytes: number, isWaiting: boolean) => void;
}

/**
 * Uploads a file in pieces and returns the upload's id. When the connection breaks, asks the service what it has and goes on
 * from there.
 */
export async function uploadFile(client: ServiceClient, request: UploadRequest): Promise<string> {
  const { name, content, signal, onProgress } = request;
  const sha256 = await sha256Of(content);
  const created = await patiently(request, 0, () =>
    client.postJson<Upload>("v1/uploads", {
      name,
      bytes: content.size,
      ...(sha256 === null ? {} : { sha256 }),
    }),
  );
  const path = `v1/uploads/${encodeURIComponent(created.id)}`;
  let sent = created.received;
  while (sent < content.size) {
    signal.throwIfAborted();
    const from = sent;
    try {
      sent = await sendChunk(client, path, request, from);
    } catch (error) {
      if (!isPassing(error)) throw error;
      sent = (await patiently(request, from, () => client.json<Upload>(path, { signal }))).received;
    }
    onProgress(sent, false);
  }
  return created.id;
}

async function sendChunk(
  client: ServiceClient,
  path: string,
  { content, signal }: UploadRequest,
  from: number,
): Promise<number> {
  const end = Math.min(from + chunkBytes, content.size);
  const body = content.slice(from, end);
  const headers = {
    "content-type": "application/octet-stream",
    "content-range": `bytes ${from}-${end - 1}/${content.size}`,
  };
  const { received } = await client.json<Upload>(path, { method: "PATCH", headers, body, signal });
  return received;
}

/** Returns the digest; null for a large file, and on a page without TLS, where browsers do not compute digests. */
async function sha256Of(content: Blob): Promise<string | null> {
  if (!isSecureContext || content.size > maxDigestBytes) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await content.arrayBuffer()));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Repeats a request, with longer and longer pauses, while the service does not answer. */
async function patiently<T>(request: UploadRequest, sent: number, ask: () => Promise<T>): Promise<T> {
  for (const pauseMs of pausesMs) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    request.onProgress(sent, true);
    await pause(pauseMs, request.signal);
  }
  return ask();
}

/** Returns whether an error may pass by itself: no answer, or a proxy whose server does not answer. */
const isPassing = (error: unknown): boolean =>
  error instanceof ServiceError && [0, 502, 503, 504].includes(error.status);

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
