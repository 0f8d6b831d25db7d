import { crc32, inflateRawSync } from "node:zlib";
import { buildZip, type ZipPart } from "../../support/archive/zip-builder.js";
import { edges, type Mutation, mutateBytes, mutateJson, words } from "./mutate.js";
import { mutatePickle } from "./mutate-pickle.js";
import type { Random } from "./random.js";

/** Changes one entry of a zip; sizes, offsets and checksums usually agree with the change. */
export const mutateZip: Mutation = (bytes, random) => {
  const parts = random.below(8) > 0 ? partsOf(bytes) : null;
  if (parts === null || parts.length === 0) return mutateBytes(bytes, random);
  const at = random.below(parts.length);
  const part = parts[at]!;
  if (random.below(2) === 0) parts[at] = { ...part, data: mutateContent(part, random) };
  else random.oneOf(changes)(parts, at, random);
  return buildZip(parts);
};

interface Part extends ZipPart {
  readonly data: Buffer;
}

function mutateContent({ name, data }: Part, random: Random): Buffer {
  if (name.endsWith(".json")) return mutateJson(data, random);
  if (name.endsWith(".pkl")) return mutatePickle(data, random);
  return data.toString("latin1", 0, 2) === "PK" ? mutateZip(data, random) : mutateBytes(data, random);
}

type Change = (parts: Part[], at: number, random: Random) => void;

const replace =
  (change: (part: Part, random: Random) => Partial<ZipPart>): Change =>
  (parts, at, random) =>
    parts.splice(at, 1, { ...parts[at]!, ...(change(parts[at]!, random) as Partial<Part>) });

const changes: readonly Change[] = [
  (parts, at) => parts.splice(at, 1),
  (parts, at) => parts.push(parts[at]!),
  (parts, at, random) => parts.push({ ...parts[at]!, name: `${parts[at]!.name}/${random.oneOf(words)}` }),
  (parts, at, random) => parts.push({ ...parts[at]!, sharesDataOf: random.below(parts.length) }),
  (parts) => void parts.reverse(),
  replace((part, random) => ({ name: random.oneOf(words) + part.name })),
  replace((part, random) => ({ name: part.name.replace(/[^/]+$/, random.oneOf(words)) })),
  replace((part, random) => ({ name: part.name.replaceAll("/", random.oneOf(["\\", "//", "/./", "/../"])) })),
  replace((part) => ({ deflate: part.deflate !== true })),
  replace(() => ({ zip64: true })),
  replace((_, random) => ({ size: random.oneOf(edges) })),
  replace((_, random) => ({ compressedSize: random.oneOf(edges) })),
  replace((_, random) => ({ localSize: random.oneOf(edges) })),
  replace((_, random) => ({ localName: random.oneOf(words) })),
  replace((_, random) => ({ method: random.oneOf([1, 8, 12, 99]) })),
  replace((_, random) => ({ flags: random.oneOf([0, 1, 8, 0x40, 0x808, 0xffff]) })),
  replace((_, random) => ({ mode: random.oneOf([0, 0o40755, 0o120777, 0o10644, 0o20644]) })),
  replace((_, random) => ({ extra: Buffer.alloc(random.oneOf([1, 4, 5000]), random.below(256)) })),
];

/** Returns the entries that the directory lists; null if an earlier change made the bytes unreadable. */
function partsOf(bytes: Buffer): Part[] | null {
  try {
    const end = bytes.lastIndexOf("PK\x05\x06", undefined, "latin1");
    const parts: Part[] = [];
    let at = bytes.readUInt32LE(end + 16);
    for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
      const nameEnd = at + 46 + bytes.readUInt16LE(at + 28);
      const local = bytes.readUInt32LE(at + 42);
      const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
      const packed = bytes.subarray(start, start + bytes.readUInt32LE(at + 20));
      const deflate = bytes.readUInt16LE(at + 10) === 8;
      const data = deflate ? inflateRawSync(packed, { maxOutputLength: 16 << 20 }) : packed;
      if (crc32(data) !== bytes.readUInt32LE(at + 16)) return null;
      parts.push({ name: bytes.toString("utf8", at + 46, nameEnd), data, deflate });
      at = nameEnd + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
    }
    return parts;
  } catch {
    return null; // offsets that lead out of the file, or data that does not inflate
  }
}
