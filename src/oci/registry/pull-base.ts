import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { counted } from "../../../processor/contract/counted.js";
import type { ProcessorError } from "../../../processor/contract/errors.js";
import { parseChecked } from "../../../processor/contract/parse-checked.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { withCount } from "../../ground/files/with-count.js";
import { architectureOf, type ImagePlatform } from "../../image/image-plan.js";
import type { BaseImage } from "../base-image.js";
import type { BlobCache } from "../blob-cache.js";
import type { Descriptor, ImageConfig, ImageManifest } from "../oci-shapes.js";
import { configShape, manifestOrIndexShape } from "../oci-shapes.js";
import { isGzipLayer, type LayerBlob, maxDocumentBytes, mediaTypes } from "../oci-types.js";
import { verified } from "../verified-bytes.js";
import { type RegistryClient, reasonOf } from "./registry-client.js";

const accepted = [mediaTypes.index, mediaTypes.dockerIndex, mediaTypes.manifest, mediaTypes.dockerManifest];

export interface PullBaseOptions {
  readonly client: RegistryClient;
  /** A tag or a digest. */
  readonly reference: string;
  /** The platform to select from an index. */
  readonly platform: ImagePlatform;
  readonly cache: BlobCache;
}

export interface PulledBase extends BaseImage {
  readonly config: ImageConfig;
  readonly configDigest: string;
  /** Digest of the manifest for the platform. */
  readonly manifestDigest: string;
  /**
   * Digest of the document that the reference names, which may be an index of several platforms; it pins the
   * base.
   */
  readonly digest: string;
}

/**
 * Fetches the documents of a platform's image. A layer is fetched into the cache when it is first read, which
 * never happens in a push to a registry that already has it.
 *
 * @throws BASE_IMAGE_MISSING, REGISTRY_DENIED, REGISTRY_FAILED, IMAGE_FILE_INVALID
 */
export async function pullBase(options: PullBaseOptions): Promise<PulledBase> {
  const { descriptor, manifest, named } = await fetchManifest(options, options.reference);
  const configText = (await fetchDocument(options, manifest.config)).toString("utf8");
  const config = parseChecked(configText, configShape, (reason, cause) =>
    invalid(options, `the configuration ${reason}`, cause),
  );
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length)
    throw invalid(
      options,
      `${counted(manifest.layers.length, "layer")}, but ${diffIds.length} in the configuration`,
    );
  return {
    manifestDigest: descriptor.digest,
    digest: named,
    configDigest: manifest.config.digest,
    config,
    layers: manifest.layers.map((layer, i) => lazyLayer(options, layer, diffIds[i]!)),
  };
}

interface FetchedManifest {
  readonly descriptor: Pick<Descriptor, "digest">;
  readonly manifest: ImageManifest;
  /** Digest of the requested document. */
  readonly named: string;
}

async function fetchManifest(options: PullBaseOptions, reference: string): Promise<FetchedManifest> {
  const { client } = options;
  const answer = await client.retrying(`looking up ${reference}`, () =>
    client.send(client.url(`manifests/${reference}`), {
      method: "GET",
      headers: { accept: accepted.join(", ") },
    }),
  );
  if (answer.status !== 200)
    throw builderError(
      "BASE_IMAGE_MISSING",
      `${client.registry}/${client.repository} has no ${reference} (${answer.status}${reasonOf(answer)})`,
    );
  const digest = digestOf(answer.body);
  if (reference.startsWith("sha256:") && reference !== digest)
    throw invalid(options, `${reference} has other bytes`);
  const document = parseChecked(answer.body.toString("utf8"), manifestOrIndexShape, (reason, cause) =>
    unexpected(options, `${reference} ${reason}`, cause),
  );
  if (!("manifests" in document)) return { descriptor: { digest }, manifest: document, named: digest };
  const found = document.manifests.find(
    ({ platform }) => platform?.os === "linux" && platform.architecture === architectureOf(options.platform),
  );
  if (found === undefined) throw invalid(options, `no image for ${options.platform}`);
  const inner = await fetchManifest(options, found.digest);
  return { ...inner, named: digest };
}

async function fetchDocument({ client }: PullBaseOptions, descriptor: Descriptor): Promise<Buffer> {
  if (descriptor.size > maxDocumentBytes)
    throw builderError("IMAGE_FILE_INVALID", `${descriptor.digest} is longer than 4 MiB`);
  return await client.retrying(`fetching ${descriptor.digest.slice(0, 19)}`, async () => {
    return await buffer(verified(await client.open(client.url(`blobs/${descriptor.digest}`)), descriptor));
  });
}

function lazyLayer(options: PullBaseOptions, descriptor: Descriptor, diffId: string): LayerBlob {
  const { client, cache } = options;
  const { digest, size, mediaType } = descriptor;
  if (!isGzipLayer(mediaType)) throw invalid(options, `a layer is ${mediaType}; only gzip is read here`);
  return {
    descriptor: { mediaType: mediaTypes.gzipLayer, digest, size },
    diffId,
    open: async function* () {
      if (!(await cache.has({ digest, size }))) await fetchLayer(client, descriptor, cache);
      yield* cache.read(digest);
    },
  };
}

async function fetchLayer(client: RegistryClient, descriptor: Descriptor, cache: BlobCache): Promise<void> {
  const { digest, size } = descriptor;
  const label = `fetching ${digest.slice(0, 19)}`;
  const task = client.progress.start({ label, total: size, unit: "bytes" });
  try {
    await client.retrying(label, async () => {
      const bytes = await client.open(client.url(`blobs/${digest}`));
      await cache.write(verified(withCount(bytes, task.advance), descriptor), client.signal);
    });
  } finally {
    task.done();
  }
}

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

const invalid = ({ client }: PullBaseOptions, what: string, cause?: unknown): ProcessorError =>
  builderError("IMAGE_FILE_INVALID", `${client.registry}/${client.repository}: ${what}`, { cause });

/** Reports an answer that is not from a registry, such as a proxy's login page. */
const unexpected = ({ client }: PullBaseOptions, what: string, cause?: unknown): ProcessorError =>
  builderError("REGISTRY_FAILED", `${client.registry}/${client.repository}: ${what}`, { cause });
