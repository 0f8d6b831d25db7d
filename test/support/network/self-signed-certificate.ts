import { generateKeyPairSync, sign } from "node:crypto";

/** Makes a key and a certificate for these host names; it is valid for a day, and no program trusts it by default. */
export function selfSignedCertificate(hostNames: readonly string[]): {
  readonly key: string;
  readonly cert: string;
} {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const name = sequence(
    tag(0x31, sequence(oid(0x55, 0x04, 0x03), tag(0x0c, Buffer.from(hostNames[0] ?? "")))),
  );
  const altNames = sequence(...hostNames.map((host) => tag(0x82, Buffer.from(host))));
  const isAuthority = sequence(tag(0x01, Buffer.from([0xff])));
  const extensions = sequence(
    sequence(oid(0x55, 0x1d, 0x11), tag(0x04, altNames)),
    sequence(oid(0x55, 0x1d, 0x13), tag(0x04, isAuthority)),
  );
  const body = sequence(
    tag(0xa0, tag(0x02, Buffer.from([2]))), // version 3
    tag(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    sequence(utcTime(Date.now() - 86_400_000), utcTime(Date.now() + 86_400_000)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    tag(0xa3, extensions),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign("sha256", body, privateKey)]);
  const der = sequence(body, ecdsaWithSha256, tag(0x03, signature));
  const lines = der
    .toString("base64")
    .match(/.{1,64}/g)!
    .join("\n");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

function tag(code: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([code, ...size]), content]);
}

const sequence = (...parts: readonly Buffer[]) => tag(0x30, Buffer.concat(parts));
const oid = (...bytes: readonly number[]) => tag(0x06, Buffer.from(bytes));

function utcTime(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return tag(0x17, Buffer.from(`${text}Z`));
}
