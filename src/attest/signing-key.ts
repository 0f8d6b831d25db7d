import { createPrivateKey, type KeyObject, type ScryptOptions, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { secretbox } from "@noble/ciphers/salsa.js";
import { oneOf, record, text, wholeNumberIn } from "../../processor/contract/json-check.js";
import { parseChecked } from "../../processor/contract/parse-checked.js";
import { readTextFile, unreadable } from "../../processor/files/read-text-file.js";
import { builderError } from "../ground/errors/builder-errors.js";

const cosignLabel = /^-----BEGIN ENCRYPTED (?:COSIGN|SIGSTORE) PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END /;
/** Far larger than any key. */
const maxKeyBytes = 1 << 20;

/**
 * Reads a private key for ECDSA on P-256: PEM in OpenSSL's format (plain or encrypted), or a file of `cosign
 * generate-key-pair`.
 *
 * @param password for an encrypted key, from `COSIGN_PASSWORD`
 * @throws SIGN_KEY_INVALID
 */
export async function readSigningKey(file: string, password: string | undefined): Promise<KeyObject> {
  const pem = await readTextFile(file, maxKeyBytes).catch((cause: unknown) => {
    throw builderError("SIGN_KEY_INVALID", `${file}: ${unreadable(cause)}`, { cause });
  });
  const cosign = cosignLabel.exec(pem.trimStart())?.[1];
  const key = cosign === undefined ? fromPem(pem, file, password) : await fromCosign(cosign, file, password);
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType !== "ec" || curve !== "prime256v1")
    throw builderError(
      "SIGN_KEY_INVALID",
      `${file} contains a key of type ${[key.asymmetricKeyType, curve].filter(Boolean).join(" ")}, not ECDSA on P-256`,
    );
  return key;
}

function fromPem(pem: string, file: string, password: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: pem, ...(password !== undefined && { passphrase: password }) });
  } catch (cause) {
    const needsPassword = password === undefined && /ENCRYPTED/.test(pem);
    throw builderError(
      "SIGN_KEY_INVALID",
      needsPassword
        ? `${file} is encrypted, and COSIGN_PASSWORD is not set`
        : `${file} does not contain a private key that can be read${password === undefined ? "" : " with COSIGN_PASSWORD"}`,
      { cause },
    );
  }
}

/**
 * cosign's envelope in JSON: scrypt derives the key of NaCl's secretbox, which contains PKCS #8. `scrypt` with the
 * largest parameters takes 1 GiB. cosign's own keys require 64 MiB.
 */
const cosignEnvelope = record({
  kdf: record({
    name: oneOf(["scrypt"]),
    params: record({ N: wholeNumberIn(1, 1 << 20), r: wholeNumberIn(1, 8), p: wholeNumberIn(1, 4) }),
    salt: text,
  }),
  cipher: record({ name: oneOf(["nacl/secretbox"]), nonce: text }),
  ciphertext: text,
});

async function fromCosign(base64: string, file: string, password: string | undefined): Promise<KeyObject> {
  if (password === undefined)
    throw builderError("SIGN_KEY_INVALID", `${file} is encrypted, and COSIGN_PASSWORD is not set`);
  const json = Buffer.from(base64, "base64").toString("utf8");
  const { kdf, cipher, ciphertext } = parseChecked(json, cosignEnvelope, (reason, cause) =>
    builderError("SIGN_KEY_INVALID", `${file} is not a key that cosign wrote: it ${reason}`, { cause }),
  );
  const { N, r, p } = kdf.params;
  try {
    const salt = Buffer.from(kdf.salt, "base64");
    const secret = await deriveKey(password, salt, 32, { N, r, p, maxmem: 256 * N * r + (1 << 20) });
    const box = secretbox(new Uint8Array(secret), Buffer.from(cipher.nonce, "base64"));
    const der = Buffer.from(box.open(Buffer.from(ciphertext, "base64")));
    return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  } catch (cause) {
    throw builderError("SIGN_KEY_INVALID", `${file} cannot be decrypted with COSIGN_PASSWORD`, { cause });
  }
}

const deriveKey = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);
