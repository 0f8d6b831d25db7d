import { tarBlockBytes } from "../../processor/files/tar/read-tar.js";

/** The fields of a tar entry. All are explicit: none depends on the machine that writes. */
export interface TarHeader {
  /** Without the slash at the start; the paths of folders end with one. */
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink";
  /** Target of a symbolic link; undefined for other kinds. */
  readonly linkTarget?: string;
  readonly mode: number;
  readonly sizeBytes: number;
  /** Only whole seconds are stored. */
  readonly time: Date;
}

const largestOctalSize = 0o77777777777;

/**
 * Returns the header blocks of one entry: POSIX ustar, owner 0:0 without names. A pax header precedes it only
 * if a name is too long or not ASCII, or a file has 8 GiB or more.
 */
export function tarHeader(header: TarHeader): Buffer {
  const records: [string, string][] = [];
  const place = ustarName(header.path);
  if (place === null) records.push(["path", header.path]);
  const linkTarget = header.linkTarget ?? "";
  if (ustarName(linkTarget)?.prefix !== "") records.push(["linkpath", linkTarget]);
  if (header.sizeBytes > largestOctalSize) records.push(["size", String(header.sizeBytes)]);
  const block = headerBlock({
    ...(place ?? { prefix: "", name: asciiTail(header.path) }),
    mode: header.mode,
    sizeBytes: header.sizeBytes > largestOctalSize ? 0 : header.sizeBytes,
    time: header.time,
    type: entryTypes[header.kind],
    linkTarget: asciiTail(linkTarget),
  });
  return records.length === 0 ? block : Buffer.concat([paxHeader(records, header.time), block]);
}

const entryTypes = { file: "0", symlink: "2", directory: "5" } as const;

/** Returns the zeros after `sizeBytes` bytes of data, up to a whole block. */
export const tarPadding = (sizeBytes: number): Buffer =>
  Buffer.alloc((tarBlockBytes - (sizeBytes % tarBlockBytes)) % tarBlockBytes);

/** Two empty blocks end a tar. */
export const tarEnd = (): Buffer => Buffer.alloc(2 * tarBlockBytes);

interface UstarFields {
  readonly prefix: string;
  readonly name: string;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly time: Date;
  readonly type: "0" | "2" | "5" | "x";
  readonly linkTarget: string;
}

function headerBlock({ prefix, name, mode, sizeBytes, time, type, linkTarget }: UstarFields): Buffer {
  const block = Buffer.alloc(tarBlockBytes);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  block.write(name, 0, "latin1");
  block.write(octal(mode, 7), 100, "latin1");
  block.write(octal(0, 7), 108, "latin1");
  block.write(octal(0, 7), 116, "latin1");
  block.write(octal(sizeBytes, 11), 124, "latin1");
  block.write(octal(Math.max(0, Math.floor(time.getTime() / 1000)), 11), 136, "latin1");
  block.fill(" ", 148, 156);
  block.write(type, 156, "latin1");
  block.write(linkTarget, 157, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  block.write(octal(0, 7), 329, "latin1");
  block.write(octal(0, 7), 337, "latin1");
  block.write(prefix, 345, "latin1");
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/**
 * Splits a path into a name of up to 100 bytes and a prefix of up to 155 before a slash; null if it does not
 * fit.
 */
function ustarName(path: string): { readonly prefix: string; readonly name: string } | null {
  if (!/^[\x20-\x7e]*$/.test(path)) return null;
  if (path.length <= 100) return { prefix: "", name: path };
  const slash = path.slice(0, 156).lastIndexOf("/", path.endsWith("/") ? path.length - 2 : path.length);
  const name = path.slice(slash + 1);
  return slash <= 0 || name.length > 100 || name === "" ? null : { prefix: path.slice(0, slash), name };
}

/** The name for readers without pax support: always valid, but never the real name. */
const asciiTail = (path: string): string => path.replace(/[^\x20-\x7e]/g, "_").slice(-100);

function paxHeader(records: readonly (readonly [string, string])[], time: Date): Buffer {
  const body = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
  const block = headerBlock({
    prefix: "",
    name: "PaxHeader",
    mode: 0o644,
    sizeBytes: body.length,
    time,
    type: "x",
    linkTarget: "",
  });
  return Buffer.concat([block, body, tarPadding(body.length)]);
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}
