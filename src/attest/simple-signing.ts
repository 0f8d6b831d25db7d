import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";

/** The signed identity: this digest is the image that the signer means by this name. */
export interface SignedIdentity {
  /** Registry and repository, without a tag. */
  readonly repository: string;
  /** Digest of the manifest, `sha256:…`. */
  readonly manifestDigest: string;
}

/** Returns the "simple signing" payload in the bytes that cosign writes. */
export const signingPayload = ({ repository, manifestDigest }: SignedIdentity): Buffer =>
  Buffer.from(
    JSON.stringify({
      critical: {
        identity: { "docker-reference": repository },
        image: { "docker-manifest-digest": manifestDigest },
        type: "cosign container image signature",
      },
      optional: null,
    }),
  );

/** Signs with ECDSA over SHA-256, in DER and base64. */
export const signatureOf = (payload: Uint8Array, key: KeyObject): string =>
  sign("sha256", payload, { key, dsaEncoding: "der" }).toString("base64");

/** Returns whether this key, or one with the same secret, made the signature. */
export const isSignatureOf = (payload: Uint8Array, signature: string, key: KeyObject): boolean =>
  verify(
    "sha256",
    payload,
    { key: createPublicKey(key), dsaEncoding: "der" },
    Buffer.from(signature, "base64"),
  );
