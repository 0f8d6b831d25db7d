import { parseChecked } from "../../../processor/contract/parse-checked.js";
import type { Progress } from "../../../processor/contract/progress/progress.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { bytesBlob, documentBlob } from "../document-blob.js";
import type { Descriptor, ImageIndex, ImageManifest } from "../oci-shapes.js";
import { indexShape } from "../oci-shapes.js";
import { hexOf, mediaTypes } from "../oci-types.js";
import { type PushedImage, pushImage, putManifest } from "./push-image.js";
import { type RegistryClient, reasonOf } from "./registry-client.js";

/** A document about an image. */
export interface Attestation {
  /** Media type of the document, and therefore of the artifact: `application/spdx+json`, …. */
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface PushReferrerOptions {
  readonly client: RegistryClient;
  /** The manifest that the document describes; it is in the registry. */
  readonly subject: Descriptor;
  readonly attestation: Attestation;
  readonly progress: Progress;
}

export interface PushedReferrer {
  readonly artifactType: string;
  readonly manifestDigest: string;
  /** True if the registry lists it under the image; otherwise the tag `sha256-<digest>` lists it. */
  readonly isListedByRegistry: boolean;
}

/**
 * Attaches a document to an image by OCI 1.1: as an artifact whose subject is the image's manifest. For a
 * registry that does not list referrers, adds it to the list under the tag that the specification defines.
 * Never attaches a document twice.
 *
 * @throws REGISTRY_DENIED, REGISTRY_FAILED; the signal's reason if aborted
 */
export async function pushReferrer(options: PushReferrerOptions): Promise<PushedReferrer> {
  const { client, attestation, progress } = options;
  const { manifest, config, layer } = artifact(options);
  const pushed: PushedImage = await pushImage({
    client,
    image: { imageName: attestation.mediaType, manifest, config, layers: [layer] },
    tag: manifest.descriptor.digest,
    progress,
  });
  if (!pushed.isListedUnderSubject) await addToFallback(options, manifest.descriptor);
  return {
    artifactType: attestation.mediaType,
    manifestDigest: manifest.descriptor.digest,
    isListedByRegistry: pushed.isListedUnderSubject,
  };
}

function artifact({ subject, attestation }: PushReferrerOptions) {
  const { mediaType, bytes, annotations } = attestation;
  const config = bytesBlob("application/vnd.oci.empty.v1+json", Buffer.from("{}"));
  const layer = bytesBlob(mediaType, bytes);
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: mediaType,
    config: config.descriptor,
    layers: [layer.descriptor],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations,
  };
  return { manifest: documentBlob(mediaTypes.manifest, manifest), config, layer };
}

/** Two simultaneous pushes may lose one entry, because registries without the list cannot lock its tag. */
async function addToFallback(
  { client, subject, attestation }: PushReferrerOptions,
  { mediaType, digest, size }: Descriptor,
): Promise<void> {
  const tag = `sha256-${hexOf(subject.digest)}`;
  const present = await readIndex(client, tag);
  if (present.some((manifest) => manifest.digest === digest)) return;
  const { mediaType: artifactType, annotations } = attestation;
  const index: ImageIndex = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [...present, { mediaType, digest, size, artifactType, annotations }],
  };
  await putManifest(client, documentBlob(mediaTypes.index, index), tag);
}

async function readIndex(client: RegistryClient, tag: string): Promise<readonly Descriptor[]> {
  const answer = await client.retrying(`looking up ${tag}`, () =>
    client.send(client.url(`manifests/${tag}`), { method: "GET", headers: { accept: mediaTypes.index } }),
  );
  if (answer.status === 404) return [];
  const refused = (reason: string, cause?: unknown) =>
    builderError(
      "REGISTRY_FAILED",
      `${client.registry}/${client.repository}:${tag} is not a list of referrers (${reason})`,
      { cause },
    );
  if (answer.status !== 200) throw refused(`${answer.status}${reasonOf(answer)}`);
  return parseChecked(answer.body.toString("utf8"), indexShape, (reason, cause) =>
    refused(`it ${reason}`, cause),
  ).manifests;
}
