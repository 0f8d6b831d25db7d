import { buffer } from "node:stream/consumers";
import { parseChecked } from "../../../processor/contract/parse-checked.js";
import type { Progress } from "../../../processor/contract/progress/progress.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { bytesBlob, documentBlob } from "../document-blob.js";
import type { Descriptor, ImageManifest } from "../oci-shapes.js";
import { manifestShape } from "../oci-shapes.js";
import { hexOf, mediaTypes } from "../oci-types.js";
import { verified } from "../verified-bytes.js";
import { pushImage } from "./push-image.js";
import { type RegistryClient, reasonOf } from "./registry-client.js";

export interface SignedTarget {
  readonly client: RegistryClient;
  /** Digest of the signed image, `sha256:…`. */
  readonly manifestDigest: string;
  readonly progress: Progress;
}

/** A signature of the image, or a signed statement about it. */
export interface SignedDocument {
  /** Suffix of the tag where cosign looks: `sig` for signatures, `att` for statements. */
  readonly kind: "sig" | "att";
  readonly mediaType: string;
  /** Creates a new signature. Signatures differ each time. */
  readonly make: () => {
    readonly bytes: Buffer;
    readonly annotations: Readonly<Record<string, string>>;
  };
  /**
   * Returns whether an existing signature has the same content and signer; `read` fetches the signed content.
   */
  readonly isOwn: (layer: Descriptor, read: () => Promise<Buffer>) => Promise<boolean>;
}

export interface PushedSignature {
  /** `sha256-<digest>.sig` or `.att`. */
  readonly tag: string;
  /** False if the image already had this signer's signature. */
  readonly isNew: boolean;
}

const maxSignedBytes = 16 << 20;

/**
 * Adds a signature or signed statement to those of the image. As in cosign, they are layers of one manifest
 * under a tag made of the image's digest.
 *
 * @throws REGISTRY_DENIED, REGISTRY_FAILED; the signal's reason if aborted
 */
export async function pushSignature(
  target: SignedTarget,
  { kind, mediaType, make, isOwn }: SignedDocument,
): Promise<PushedSignature> {
  const { client, manifestDigest, progress } = target;
  const tag = `sha256-${hexOf(manifestDigest)}.${kind}`;
  const present = await layersAt(client, tag);
  for (const layer of present)
    if (await isOwn(layer, () => readBlob(client, layer))) return { tag, isNew: false };
  const { bytes, annotations } = make();
  const blob = bytesBlob(mediaType, bytes);
  const layers = [...present, { ...blob.descriptor, annotations }];
  const config = documentBlob(mediaTypes.config, signatureConfig(layers));
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: config.descriptor,
    layers,
  };
  const image = { imageName: tag, manifest: documentBlob(mediaTypes.manifest, manifest), config };
  // The blobs of the earlier layers are already in the repository.
  await pushImage({ client, image: { ...image, layers: [blob] }, tag, progress });
  return { tag, isNew: true };
}

async function layersAt(client: RegistryClient, tag: string): Promise<readonly Descriptor[]> {
  const answer = await client.retrying(`looking up ${tag}`, () =>
    client.send(client.url(`manifests/${tag}`), { method: "GET", headers: { accept: mediaTypes.manifest } }),
  );
  if (answer.status === 404) return [];
  const refused = (reason: string, cause?: unknown) =>
    builderError(
      "REGISTRY_FAILED",
      `${client.registry}/${client.repository}:${tag} holds no signatures (${reason})`,
      { cause },
    );
  if (answer.status !== 200) throw refused(`${answer.status}${reasonOf(answer)}`);
  return parseChecked(answer.body.toString("utf8"), manifestShape, (reason, cause) =>
    refused(`it ${reason}`, cause),
  ).layers;
}

function readBlob(client: RegistryClient, descriptor: Descriptor): Promise<Buffer> {
  const { digest, size } = descriptor;
  if (!(size <= maxSignedBytes))
    throw builderError("REGISTRY_FAILED", `${digest}, a signature's part, is longer than 16 MiB`);
  return client.retrying(`fetching ${digest.slice(0, 19)}`, async () =>
    buffer(verified(await client.open(client.url(`blobs/${digest}`)), descriptor)),
  );
}

/** Creates a configuration without an image, in the form that registries and cosign expect. */
const signatureConfig = (layers: readonly Descriptor[]): object => ({
  architecture: "",
  created: "0001-01-01T00:00:00Z",
  os: "",
  config: {},
  rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
});
