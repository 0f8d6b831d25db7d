import type { KeyObject } from "node:crypto";
import type { SignedDocument } from "../oci/registry/push-signature.js";
import { isStatementSignedBy, signedStatement } from "./signed-statement.js";
import { isSignatureOf, type SignedIdentity, signatureOf, signingPayload } from "./simple-signing.js";

/** cosign's names of the parts. */
const signatureKey = "dev.cosignproject.cosign/signature";
const simpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json";
const envelopeType = "application/vnd.dsse.envelope.v1+json";

/** Creates the image's signature, which `cosign verify` reads. */
export function imageSignature(identity: SignedIdentity, key: KeyObject): SignedDocument {
  const payload = signingPayload(identity);
  return {
    kind: "sig",
    mediaType: simpleSigning,
    make: () => ({ bytes: payload, annotations: { [signatureKey]: signatureOf(payload, key) } }),
    isOwn: async ({ size, annotations }, read) =>
      size === payload.length &&
      isSignatureOf(payload, annotations?.[signatureKey] ?? "", key) &&
      (await read()).equals(payload),
  };
}

/** Creates a signed statement about the image, which `cosign verify-attestation` reads. */
export function signedAttestation(statement: Buffer, predicateType: string, key: KeyObject): SignedDocument {
  return {
    kind: "att",
    mediaType: envelopeType,
    make: () => ({
      bytes: signedStatement(statement, key),
      annotations: { [signatureKey]: "", predicateType },
    }),
    isOwn: async ({ annotations }, read) =>
      annotations?.["predicateType"] === predicateType && isStatementSignedBy(await read(), statement, key),
  };
}
