import { tarEnd, tarHeader, tarPadding } from "../../../src/oci/tar-header.js";

/** Returns one file of a tar: its header, bytes and padding. */
export const tarFile = (path: string, contents: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(contents);
  const header = tarHeader({ path, kind: "file", mode: 0o644, sizeBytes: bytes.length, time: new Date(0) });
  return Buffer.concat([header, bytes, tarPadding(bytes.length)]);
};

/** Returns an entry that describes the next one; `type` says how: "x" for pax records, "L" for GNU's long name. */
export function tarMetadata(type: "x" | "L", body: string): Buffer {
  const entry = tarFile("metadata", body);
  entry.write(type, 156, "latin1");
  entry.fill(" ", 148, 156);
  const sum = entry.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  entry.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return entry;
}

/** Returns a pax record, which starts with its own length. */
export function paxRecord(name: string, value: string): string {
  const rest = Buffer.byteLength(` ${name}=${value}\n`);
  let length = rest + 1;
  while (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${name}=${value}\n`;
}

export const wholeTarOf = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat([...parts, tarEnd()]);
