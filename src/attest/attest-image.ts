import { createHash, type KeyObject } from "node:crypto";
import { basename } from "node:path";
import type { Progress } from "../../processor/contract/progress/progress.js";
import type { StageFile } from "../ground/files/all-or-nothing.js";
import { programVersion } from "../ground/files/package-root.js";
import { writeNextToArchive } from "../oci/export-archive.js";
import type { Descriptor } from "../oci/oci-shapes.js";
import { hexOf } from "../oci/oci-types.js";
import { type Attestation, type PushedReferrer, pushReferrer } from "../oci/registry/push-referrer.js";
import { type PushedSignature, pushSignature } from "../oci/registry/push-signature.js";
import type { RegistryClient } from "../oci/registry/registry-client.js";
import type { DescribedImage } from "./described-image.js";
import {
  type ExternalParameters,
  type ProvenanceStatement,
  provenanceStatement,
  type ResourceDescriptor,
} from "./provenance.js";
import { imageSignature, signedAttestation } from "./sign-image.js";
import { spdxPredicateType, spdxStatement } from "./signed-statement.js";
import { type ModelLicence, spdxDocument } from "./spdx-document.js";
import type { SpdxDocument } from "./spdx-types.js";

/** The user's settings for attestations. Everything else is read from the image. */
export interface AttestationSettings {
  /** Null if neither config.json nor the registry of models states it. */
  readonly modelLicence: ModelLicence | null;
  /** Null for an image that is not signed. */
  readonly signingKey: KeyObject | null;
}

export interface AttestImageOptions extends AttestationSettings {
  readonly image: DescribedImage;
  readonly builder: "docker" | "embedded";
  readonly parameters: Pick<ExternalParameters, "baseImage" | "models" | "config">;
  /** Files of the base and the model. */
  readonly inputs: readonly ResourceDescriptor[];
  /** The archive that the documents are written next to; null if there is none. */
  readonly archive: { readonly path: string; readonly sha256: string | null } | null;
  /** The separate file of the model; null if the model is in the image. */
  readonly modelTarball: { readonly path: string; readonly sha256: string } | null;
  /** The destination of the push; null if the image was not pushed. */
  readonly pushedTo: { readonly client: RegistryClient; readonly manifest: Descriptor } | null;
  readonly progress: Progress;
  readonly stage: StageFile;
}

export interface AttestedImage {
  /** Null without an archive. */
  readonly files: AttestationFiles | null;
  /** Empty for an image that was not pushed. */
  readonly referrers: readonly PushedReferrer[];
  /** Signatures of the image, then of both documents; empty for an image that was not signed. */
  readonly signatures: readonly PushedSignature[];
}

export interface AttestationFiles {
  readonly spdx: string;
  readonly provenance: string;
}

/**
 * Returns the paths of the documents: `liver-1.spdx.json` and `liver-1.provenance.json` next to
 * `liver-1.tar.gz`.
 */
export function attestationFiles(archivePath: string): AttestationFiles {
  const stem = archivePath.replace(/\.(tar\.gz|tgz|tar)$/, "");
  return { spdx: `${stem}.spdx.json`, provenance: `${stem}.provenance.json` };
}

/**
 * Writes what a finished image contains (SPDX) and how it was built (SLSA provenance), next to the archive
 * and to the registry as referrers of the image. Signs the image if there is a key. The same build gives the
 * same documents.
 *
 * @throws OUTPUT_EXISTS, OUTPUT_UNWRITABLE, DISK_FULL, REGISTRY_DENIED, REGISTRY_FAILED
 */
export async function attestImage(options: AttestImageOptions): Promise<AttestedImage> {
  const { archive, pushedTo, signingKey } = options;
  const documents = await writeDocuments(options);
  const files = archive === null ? null : attestationFiles(archive.path);
  if (files !== null) {
    const { stage } = options;
    await writeNextToArchive(files.spdx, text(documents.spdx), stage(files.spdx));
    await writeNextToArchive(files.provenance, text(documents.provenance), stage(files.provenance));
  }
  if (pushedTo === null) return { files, referrers: [], signatures: [] };
  const referrers: PushedReferrer[] = [];
  // Pushes in sequence, because a registry without a list of referrers keeps them under one tag, as cosign
  // keeps signatures.
  for (const attestation of attestations(options.image, documents))
    referrers.push(
      await pushReferrer({
        client: pushedTo.client,
        subject: pushedTo.manifest,
        attestation,
        progress: options.progress,
      }),
    );
  const signatures =
    signingKey === null ? [] : await signAll(documents, pushedTo, { signingKey, progress: options.progress });
  return { files, referrers, signatures };
}

interface Documents {
  readonly spdx: SpdxDocument;
  readonly provenance: ProvenanceStatement;
}

async function writeDocuments(options: AttestImageOptions): Promise<Documents> {
  const { image, builder, parameters, inputs, archive, modelTarball, modelLicence } = options;
  const version = await programVersion();
  const spdx = spdxDocument({ image, modelLicence, modelTarball, programVersion: version });
  const subjects = [
    { name: image.imageName, digest: { sha256: hexOf(image.digest) } },
    ...[archive, modelTarball].flatMap((file) =>
      file === null || file.sha256 === null
        ? []
        : [{ name: basename(file.path), digest: { sha256: file.sha256 } }],
    ),
  ];
  const provenance = provenanceStatement({
    subjects,
    builder,
    programVersion: version,
    parameters: {
      image: image.imageName,
      platform: `linux/${image.architecture}`,
      created: image.created,
      ...parameters,
    },
    dependencies: inputs,
    byproducts: [
      {
        name: "bill of materials",
        mediaType: spdxType,
        digest: { sha256: createHash("sha256").update(text(spdx)).digest("hex") },
      },
    ],
  });
  return { spdx, provenance };
}

const spdxType = "application/spdx+json";
const inTotoType = "application/vnd.in-toto+json";

const text = (document: object): string => `${JSON.stringify(document, null, 2)}\n`;

function attestations({ created }: DescribedImage, { spdx, provenance }: Documents): Attestation[] {
  const annotations = { "org.opencontainers.image.created": created };
  return [
    { mediaType: spdxType, bytes: Buffer.from(text(spdx)), annotations },
    {
      mediaType: inTotoType,
      bytes: Buffer.from(text(provenance)),
      annotations: { ...annotations, "in-toto.io/predicate-type": provenance.predicateType },
    },
  ];
}

async function signAll(
  { spdx, provenance }: Documents,
  { client, manifest }: NonNullable<AttestImageOptions["pushedTo"]>,
  { signingKey, progress }: { readonly signingKey: KeyObject; readonly progress: Progress },
): Promise<readonly PushedSignature[]> {
  const host = client.registry === "docker.io" ? "index.docker.io" : client.registry;
  const identity = { repository: `${host}/${client.repository}`, manifestDigest: manifest.digest };
  const bill = spdxStatement(provenance.subject, spdx);
  const signed = [
    imageSignature(identity, signingKey),
    signedAttestation(Buffer.from(JSON.stringify(bill)), spdxPredicateType, signingKey),
    signedAttestation(Buffer.from(JSON.stringify(provenance)), provenance.predicateType, signingKey),
  ];
  const pushed: PushedSignature[] = [];
  for (const document of signed)
    pushed.push(await pushSignature({ client, manifestDigest: manifest.digest, progress }, document));
  return pushed;
}
