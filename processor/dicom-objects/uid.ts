import { createHash, randomUUID } from "node:crypto";

/** The program that wrote a file (PS3.7, D.3.3.2): one UID for all versions, and a name of at most 16 characters. */
export const implementationClassUid = "2.25.233945312566908946631084777206732447670";
export const implementationVersionName = "NNUNET_PROCESSOR";

/** The namespace (RFC 9562) of the UUIDs of this project. */
const namespace = Buffer.from("7c0d8a4be2f1455f9d3c6b1ea4570f92", "hex");

/**
 * Returns a UID that follows from the given texts: `2.25.` and the decimal number of a name-based UUID (PS3.5, B.2; RFC
 * 9562, version 5). The same texts give the same UID; different texts give different ones.
 */
export function uidOf(...parts: readonly string[]): string {
  const hash = createHash("sha1").update(namespace).update(parts.join("\n")).digest();
  const uuid = hash.subarray(0, 16);
  uuid[6] = (uuid[6]! & 0x0f) | 0x50;
  uuid[8] = (uuid[8]! & 0x3f) | 0x80;
  return uidOfUuid(uuid.toString("hex"));
}

/** Returns a new UID: `2.25.` and the decimal number of a random UUID (version 4). */
export const randomUid = (): string => uidOfUuid(randomUUID().replaceAll("-", ""));

const uidOfUuid = (digits: string): string => `2.25.${BigInt(`0x${digits}`)}`;
