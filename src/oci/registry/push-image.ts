import { buffer } from "node:stream/consumers";
import { ProcessorError } from "../../../processor/contract/errors.js";
import type { Progress, ProgressTask } from "../../../processor/contract/progress/progress.js";
import { PassingFailure } from "../../download/retry.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { Blob, OciImage } from "../oci-types.js";
import { type RegistryClient, reasonOf } from "./registry-client.js";
import type { RegistryAnswer } from "./registry-http.js";

export interface PushImageOptions {
  readonly client: RegistryClient;
  readonly image: PushableImage;
  /** The tag to assign; the manifest's digest to push without a tag. */
  readonly tag: string;
  /**
   * Repositories of the same registry that may contain the base's layers, which are then mounted and not
   * sent.
   */
  readonly mountFrom?: readonly string[];
  readonly progress: Progress;
  /** Maximum number of bytes in one request, and so the amount that a broken connection can lose. */
  readonly chunkBytes?: number;
}

/** An image, or an artifact in the same form. */
export interface PushableImage extends Pick<OciImage, "imageName" | "manifest" | "config"> {
  readonly layers: readonly Blob[];
}

export interface PushedImage {
  readonly manifestDigest: string;
  readonly configDigest: string;
  readonly sentBytes: number;
  /** Number of blobs that the registry already had or mounted from another repository. */
  readonly blobsThere: number;
  /** True if the registry itself lists the manifest under its subject. */
  readonly isListedUnderSubject: boolean;
}

const parallelUploads = 4;
const defaultChunkBytes = 16 << 20;

/**
 * Pushes an image: first the blobs, several at a time, and then the manifest, so that the tag never refers to
 * an incomplete image. Blobs that the registry has are not sent. An interrupted upload continues at the
 * registry's position.
 *
 * @throws REGISTRY_DENIED, REGISTRY_FAILED; the signal's reason if aborted
 */
export async function pushImage(options: PushImageOptions): Promise<PushedImage> {
  const { client, image, tag, progress } = options;
  const blobs = [
    ...new Map([image.config, ...image.layers].map((blob) => [blob.descriptor.digest, blob])).values(),
  ];
  const total = blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  const task = progress.start({ label: `pushing ${image.imageName}`, total, unit: "bytes" });
  let sentBytes = 0;
  let blobsThere = 0;
  try {
    const waiting = blobs.values();
    await Promise.all(
      Array.from({ length: parallelUploads }, async () => {
        for (const blob of waiting) {
          const sent = await pushBlob(blob, { ...options, task });
          if (sent === 0) blobsThere += 1;
          sentBytes += sent;
        }
      }),
    );
  } finally {
    task.done();
  }
  const answer = await putManifest(client, image.manifest, tag);
  return {
    manifestDigest: image.manifest.descriptor.digest,
    configDigest: image.config.descriptor.digest,
    sentBytes,
    blobsThere,
    isListedUnderSubject: answer.headers["oci-subject"] !== undefined,
  };
}

interface PushBlobOptions extends PushImageOptions {
  readonly task: ProgressTask;
}

/** Returns the number of bytes sent, which is 0 if the registry has the blob. */
async function pushBlob(blob: Blob, options: PushBlobOptions): Promise<number> {
  const { client, task, mountFrom = [] } = options;
  const { digest, size } = blob.descriptor;
  const label = `pushing ${digest.slice(0, 19)}`;
  const isThere = () =>
    client.retrying(
      label,
      async () => (await client.send(client.url(`blobs/${digest}`), { method: "HEAD" })).status === 200,
    );
  if (await isThere()) {
    task.advance(size);
    return 0;
  }
  for (const repository of mountFrom) {
    const query = `blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(repository)}`;
    const answer = await client.retrying(label, () => client.send(client.url(query), emptyPost));
    if (answer.status === 201) {
      task.advance(size);
      return 0;
    }
    if (answer.status === 202) await cancel(client, client.locationOf(answer));
  }
  await uploadInChunks(blob, label, options);
  return size;
}

const emptyPost = { method: "POST", body: Buffer.alloc(0) } as const;

/** Cancels an upload that the registry opened instead of mounting, so that it does not remain open. */
async function cancel(client: RegistryClient, location: URL): Promise<void> {
  await client.send(location, { method: "DELETE" }).catch((error: unknown) => {
    if (!(error instanceof PassingFailure || error instanceof ProcessorError)) throw error;
  });
}

async function uploadInChunks(blob: Blob, label: string, options: PushBlobOptions): Promise<void> {
  const { client, task, chunkBytes = defaultChunkBytes } = options;
  const { digest } = blob.descriptor;
  const upload = new Upload(client);
  let advanced = 0;
  await client.retrying(label, async () => {
    const start = await upload.resume();
    try {
      let at = 0;
      for await (const chunk of chunksOf(blob.open(), chunkBytes)) {
        const end = at + chunk.length;
        if (end > start) await upload.patch(chunk.subarray(Math.max(0, start - at)), Math.max(at, start));
        at = end;
        task.advance(Math.max(0, at - advanced));
        advanced = Math.max(advanced, at);
      }
      await upload.finish(digest);
    } catch (error) {
      if (!(error instanceof PassingFailure)) throw error;
      throw new PassingFailure(error.message, {
        cause: error,
        retryAfterMs: error.retryAfterMs,
        hasProgressed: upload.isAheadOf(start),
      });
    }
  });
}

/** One blob's upload session. */
class Upload {
  readonly #client: RegistryClient;
  #location: URL | null = null;
  #acknowledged = 0;

  constructor(client: RegistryClient) {
    this.#client = client;
  }

  isAheadOf(offset: number): boolean {
    return this.#acknowledged > offset;
  }

  /**
   * Returns the position to continue from: the number of bytes in the registry's session, or 0 in a new
   * session.
   */
  async resume(): Promise<number> {
    if (this.#location !== null) {
      const state = await this.#client.send(this.#location, { method: "GET" });
      if (state.status === 204) {
        this.#take(state, this.#acknowledged);
        return this.#acknowledged;
      }
    }
    const begun = await this.#client.send(this.#client.url("blobs/uploads/"), emptyPost);
    if (begun.status !== 202) throw refused("begin an upload", begun);
    this.#acknowledged = 0;
    this.#location = this.#client.locationOf(begun);
    return 0;
  }

  async patch(chunk: Buffer, at: number): Promise<void> {
    const answer = await this.#client.send(this.#location!, {
      method: "PATCH",
      body: chunk,
      headers: {
        "content-type": "application/octet-stream",
        "content-range": `${at}-${at + chunk.length - 1}`,
      },
    });
    // The session is gone, or the registry has another length than expected. Ask for its length and continue
    // there.
    if (answer.status === 404 || answer.status === 416) {
      if (answer.status === 404) this.#location = null;
      throw new PassingFailure(`the registry lost the upload (${answer.status})`);
    }
    // The specification requires 202, but some registries answer 201 or 204.
    if (![201, 202, 204].includes(answer.status)) throw refused("take a part of a layer", answer);
    this.#take(answer, at + chunk.length);
  }

  async finish(digest: string): Promise<void> {
    const url = new URL(this.#location!);
    url.searchParams.set("digest", digest);
    const answer = await this.#client.send(url, { method: "PUT", body: Buffer.alloc(0) });
    if (answer.status === 404) {
      this.#location = null;
      throw new PassingFailure("the registry lost the upload");
    }
    if (answer.status !== 201 && answer.status !== 204) throw refused("finish a layer", answer);
  }

  /**
   * Reads `Range: 0-99`, which means 100 bytes. The registry "distribution" sends `0-0` for none as well as
   * for one.
   */
  #take(answer: RegistryAnswer, expected: number): void {
    this.#location = this.#client.locationOf(answer);
    const end = /^(?:bytes=)?0-(\d+)$/.exec(String(answer.headers["range"] ?? ""))?.[1];
    this.#acknowledged = end === undefined ? expected : Number(end) === 0 ? 0 : Number(end) + 1;
  }
}

/** Pushes a manifest whose blobs are in the registry, under a tag or its digest. */
export async function putManifest(
  client: RegistryClient,
  manifest: Blob,
  tag: string,
): Promise<RegistryAnswer> {
  const body = await buffer(manifest.open());
  const { mediaType } = manifest.descriptor;
  const answer = await client.retrying(`pushing the manifest of ${tag}`, () =>
    client.send(client.url(`manifests/${tag}`), {
      method: "PUT",
      headers: { "content-type": mediaType },
      body,
    }),
  );
  if (answer.status !== 201) throw refused("take the manifest", answer);
  return answer;
}

/** Splits the bytes into chunks of one size, the last one shorter. */
async function* chunksOf(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  let gathered: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    let rest = chunk;
    while (length + rest.length >= size) {
      yield Buffer.concat([...gathered, rest.subarray(0, size - length)]);
      rest = rest.subarray(size - length);
      gathered = [];
      length = 0;
    }
    if (rest.length > 0) gathered.push(rest);
    length += rest.length;
  }
  if (length > 0) yield Buffer.concat(gathered);
}

const refused = (what: string, answer: RegistryAnswer): ProcessorError =>
  builderError("REGISTRY_FAILED", `the registry did not ${what}: ${answer.status}${reasonOf(answer)}`);
