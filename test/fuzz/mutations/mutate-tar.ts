import { edges, type Mutation, mutateBytes, mutateJson, words } from "./mutate.js";
import type { Random } from "./random.js";

/** One entry of a tar, with the fields of its header except the checksum. */
export interface TarPart {
  readonly name: string;
  /** "0" is a file, "1" a link, "2" a symbolic link, "x" an extended header. */
  readonly type: string;
  readonly linkTarget: string;
  readonly content: Buffer;
  /** The size in the header, if it is not the content's. */
  readonly size?: number;
}

/** Changes one entry of a tar and corrects its checksum. */
export const mutateTar: Mutation = (bytes, random) => {
  const parts = random.below(8) > 0 ? partsOf(bytes) : null;
  if (parts === null || parts.length === 0) return mutateBytes(bytes, random);
  const at = random.below(parts.length);
  const part = parts[at]!;
  const changes: readonly (() => void)[] = [
    () => parts.splice(at, 1, { ...part, content: mutateContent(part, random) }),
    () => parts.splice(at, 1, { ...part, content: mutateContent(part, random) }),
    () => parts.splice(at, 1, { ...part, name: random.oneOf(words).slice(0, 100) }),
    () => parts.splice(at, 1, { ...part, type: random.oneOf([..."012345xgLKSV"]) }),
    () =>
      parts.splice(at, 1, {
        ...part,
        type: "2",
        linkTarget: random.oneOf([...parts.map(({ name }) => name), ...words]).slice(0, 100),
      }),
    () => parts.splice(at, 1, { ...part, size: random.oneOf(edges) }),
    () => parts.splice(at, 1),
    () => parts.splice(random.below(parts.length), 0, part),
    () => parts.splice(at, 0, extendedHeader(random)),
  ];
  random.oneOf(changes)();
  return buildTar(parts);
};

const mutateContent = ({ content }: TarPart, random: Random): Buffer =>
  content[0] === 0x7b || content[0] === 0x5b ? mutateJson(content, random) : mutateBytes(content, random);

function extendedHeader(random: Random): TarPart {
  const key = random.oneOf(["path", "size", "linkpath", "mtime", "GNU.sparse.size", random.oneOf(words)]);
  const record = ` ${key}=${random.oneOf([...words, ...edges.map(String)])}\n`;
  const length = random.oneOf([record.length + 2, record.length + 3, 1, 99999]);
  return { name: "x", type: "x", linkTarget: "", content: Buffer.from(`${length}${record}`) };
}

/** Returns a tar in which every header is right, except where a part says otherwise. */
export function buildTar(parts: readonly TarPart[]): Buffer {
  return Buffer.concat([...parts.map(entryBytes), Buffer.alloc(1024)]);
}

function entryBytes({ name, type, linkTarget, content, size = content.length }: TarPart): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write("0000644\0", 100);
  header.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  header.write(`        ${type}`, 148);
  header.write(linkTarget, 157, 100);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** Returns the entries before the zeros at the end; null if an earlier change made the bytes unreadable. */
function partsOf(bytes: Buffer): TarPart[] | null {
  const parts: TarPart[] = [];
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0; ) {
    const text = (from: number, size: number) =>
      bytes.toString("utf8", at + from, at + from + size).replace(/\0.*$/s, "");
    const size = Number.parseInt(text(124, 12), 8);
    if (!(at + 512 + size <= bytes.length)) return null;
    parts.push({
      name: text(0, 100),
      type: text(156, 1),
      linkTarget: text(157, 100),
      content: bytes.subarray(at + 512, at + 512 + size),
    });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return parts;
}
