import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { type Checked, listOf, orAbsent, record, text } from "../../processor/contract/json-check.js";
import { parseOrNull } from "../../processor/contract/parse-checked.js";
import type { ResourceDescriptor } from "./provenance.js";
import type { SpdxDocument } from "./spdx-types.js";

const payloadType = "application/vnd.in-toto+json";

/** A DSSE envelope: an in-toto statement with signatures over its exact bytes. */
const envelopeShape = record({
  payloadType: text,
  /** In base64. */
  payload: text,
  signatures: listOf(record({ keyid: orAbsent(text), sig: text })),
});

/** Returns a bill of materials as a statement about an image, which is the form for signing. */
export const spdxStatement = (subject: readonly ResourceDescriptor[], document: SpdxDocument): object => ({
  _type: "https://in-toto.io/Statement/v1",
  subject,
  predicateType: spdxPredicateType,
  predicate: document,
});

export const spdxPredicateType = "https://spdx.dev/Document";

export function signedStatement(statement: Buffer, key: KeyObject): Buffer {
  const sig = sign("sha256", signedBytes(statement), { key, dsaEncoding: "der" }).toString("base64");
  const envelope: Checked<typeof envelopeShape> = {
    payloadType,
    payload: statement.toString("base64"),
    signatures: [{ keyid: "", sig }],
  };
  return Buffer.from(JSON.stringify(envelope));
}

/** Returns whether the envelope contains this statement with a signature of this key. */
export function isStatementSignedBy(envelope: Buffer, statement: Buffer, key: KeyObject): boolean {
  const found = parseOrNull(envelope.toString("utf8"), envelopeShape);
  if (found === null || found.payload !== statement.toString("base64")) return false;
  const publicKey = { key: createPublicKey(key), dsaEncoding: "der" } as const;
  return found.signatures.some(({ sig }) =>
    verify("sha256", signedBytes(statement), publicKey, Buffer.from(sig, "base64")),
  );
}

/** DSSE's pre-authentication encoding. */
const signedBytes = (statement: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${statement.length} `), statement]);
