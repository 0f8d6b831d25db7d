import { ProcessorError } from "../../../processor/errors.js";
import type { Progress } from "../../../processor/progress/progress.js";
import { bytesBlob, documentBlob } from "../../image/oci/document-blob.js";
import { type Descriptor, hexOf, type ImageManifest, mediaTypes } from "../../image/oci/oci-types.js";
import { pushImage } from "./push-image.js";
import { type RegistryClient, reasonOf } from "./registry-client.js";

/** Where cosign looks for an image's signatures, and the names that it gives their parts. */
const payloadType = "application/vnd.dev.cosign.simplesigning.v1+json";
const signatureKey = "dev.cosignproject.cosign/signature";

export interface PushSignatureOptions {
  readonly client: RegistryClient;
  /** Of the signed image, `sha256:…`. */
  readonly manifestDigest: string;
  readonly payload: Buffer;
  /** A new signature of the payload, in base64. */
  readonly sign: (payload: Buffer) => string;
  /** Whether a signature of the payload is the same signer's. */
  readonly isOwn: (payload: Buffer, signature: string) => boolean;
  readonly progress: Progress;
}

export interface PushedSignature {
  /** `sha256-<digest>.sig` */
  readonly tag: string;
  /** False when the image had this signer's signature already. */
  readonly isNew: boolean;
}

/**
 * Adds a signature to those that the image has, as cosign keeps them: layers of one manifest under a tag made of the
 * image's digest.
 *
 * @throws REGISTRY_DENIED, REGISTRY_FAILED; the signal's reason when aborted
 */
export async function pushSignature(options: PushSignatureOptions): Promise<PushedSignature> {
  const { client, manifestDigest, payload, sign, isOwn, progress } = options;
  const tag = `sha256-${hexOf(manifestDigest)}.sig`;
  const present = await signaturesAt(client, tag);
  const blob = bytesBlob(payloadType, payload);
  const isSigned = present.some(
    ({ digest, annotations }) =>
      digest === blob.descriptor.digest && isOwn(payload, annotations?.[signatureKey] ?? ""),
  );
  if (isSigned) return { tag, isNew: false };
  const layers = [...present, { ...blob.descriptor, annotations: { [signatureKey]: sign(payload) } }];
  const config = documentBlob(mediaTypes.config, signatureConfig(layers));
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: config.descriptor,
    layers,
  };
  await pushImage({
    client,
    // The earlier signatures' payloads are in the repository.
    image: {
      imageName: tag,
      manifest: documentBlob(mediaTypes.manifest, manifest),
      config,
      layers: [blob],
    },
    tag,
    progress,
  });
  return { tag, isNew: true };
}

async function signaturesAt(client: RegistryClient, tag: string): Promise<readonly Descriptor[]> {
  const answer = await client.retrying(`looking up ${tag}`, () =>
    client.send(client.url(`manifests/${tag}`), { method: "GET", headers: { accept: mediaTypes.manifest } }),
  );
  if (answer.status === 404) return [];
  const manifest = answer.status === 200 ? parsedManifest(answer.body) : null;
  if (manifest === null)
    throw new ProcessorError(
      "REGISTRY_FAILED",
      `${client.registry}/${client.repository}:${tag} holds no signatures (${answer.status}${reasonOf(answer)})`,
    );
  return manifest.layers;
}

function parsedManifest(body: Buffer): ImageManifest | null {
  try {
    const manifest = JSON.parse(body.toString("utf8")) as Partial<ImageManifest> | null;
    return Array.isArray(manifest?.layers) ? (manifest as ImageManifest) : null;
  } catch {
    return null;
  }
}

/** An image's configuration without an image: the form that registries and cosign expect. */
const signatureConfig = (layers: readonly Descriptor[]): object => ({
  architecture: "",
  created: "0001-01-01T00:00:00Z",
  os: "",
  config: {},
  rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
});
