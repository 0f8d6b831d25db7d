import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readSigningKey } from "../../../src/attest/signing-key.js";
import { isSignatureOf, signatureOf, signingPayload } from "../../../src/attest/simple-signing.js";
import { repositoryRoot } from "../../support/golden.js";

/** Created by `cosign generate-key-pair` with the password `test`. */
const cosignKey = join(repositoryRoot, "test", "fixtures", "keys", "cosign.key");
const cosignPublicKey = join(repositoryRoot, "test", "fixtures", "keys", "cosign.pub");

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "keys-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function keyFile(key: KeyObject, passphrase?: string): string {
  const path = join(folder, "key.pem");
  const cipher = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  writeFileSync(path, key.export({ type: "pkcs8", format: "pem", ...cipher }));
  return path;
}

const newKey = (namedCurve: string): KeyObject => generateKeyPairSync("ec", { namedCurve }).privateKey;

describe("readSigningKey", () => {
  test("opens cosign's file, and cosign's public key verifies its signatures", async () => {
    const key = await readSigningKey(cosignKey, "test");
    const payload = signingPayload({
      repository: "example.org/a",
      manifestDigest: `sha256:${"0".repeat(64)}`,
    });
    const signature = Buffer.from(signatureOf(payload, key), "base64");
    const publicKey = createPublicKey(readFileSync(cosignPublicKey));
    expect(verify("sha256", payload, publicKey, signature)).toBe(true);
  });

  test.each(["plain", "encrypted"])("opens a %s PEM file", async (kind) => {
    const key = newKey("P-256");
    const password = kind === "plain" ? undefined : "secret";
    const read = await readSigningKey(keyFile(key, password), password);
    const payload = Buffer.from("payload");
    expect(isSignatureOf(payload, signatureOf(payload, read), key)).toBe(true);
    expect(isSignatureOf(payload, signatureOf(payload, read), newKey("P-256"))).toBe(false);
  });

  test.each([
    { file: () => cosignKey, password: undefined, says: "COSIGN_PASSWORD is not set" },
    { file: () => cosignKey, password: "guessed", says: "cannot be decrypted with COSIGN_PASSWORD" },
    {
      file: () => keyFile(newKey("P-256"), "secret"),
      password: undefined,
      says: "COSIGN_PASSWORD is not set",
    },
    { file: () => keyFile(newKey("P-384")), password: undefined, says: "secp384r1, not ECDSA on P-256" },
    { file: () => cosignPublicKey, password: undefined, says: "does not contain a private key" },
    { file: () => join(folder, "absent"), password: undefined, says: "can't be read" },
    { file: () => costlyKey(), password: "test", says: "is not a key that cosign wrote" },
  ])("refuses a key with the reason: $says", async ({ file, password, says }) => {
    await expect(readSigningKey(file(), password)).rejects.toMatchObject({
      code: "SIGN_KEY_INVALID",
      message: expect.stringContaining(says),
    });
  });
});

/** Requires 128 GiB before its password can be tried. */
function costlyKey(): string {
  const base64 = readFileSync(cosignKey, "utf8").replace(/-----[^-]*-----/g, "");
  const envelope = JSON.parse(Buffer.from(base64, "base64").toString("utf8")) as {
    readonly kdf: { readonly params: { N: number } };
  };
  envelope.kdf.params.N = 1 << 27;
  const path = join(folder, "costly.key");
  const body = Buffer.from(JSON.stringify(envelope)).toString("base64");
  const label = "ENCRYPTED SIGSTORE PRIVATE KEY";
  writeFileSync(path, `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`);
  return path;
}
