import type { ByteReader } from "./byte-reader.js";
import { MalformedDataSet } from "./scan-elements.js";
import { tags } from "./tags.js";

/** A part of compressed pixels. */
export interface Fragment {
  readonly at: number;
  readonly length: number;
}

export interface Fragments {
  /** The offsets of the frames, from the first fragment; empty if the file does not say them. */
  readonly offsets: readonly number[];
  readonly fragments: readonly Fragment[];
  /** The offset after the delimiter. */
  readonly end: number;
}

const mostFragments = 1 << 20;
const readAhead = 1 << 12;

/**
 * Lists the fragments of compressed pixels (PS3.5, A.4).
 *
 * @param start the offset of the first item, which is the Basic Offset Table
 * @throws MalformedDataSet
 */
export function listFragments(reader: ByteReader, start: number): Fragments {
  const fragments: Fragment[] = [];
  let window: Buffer = Buffer.alloc(0);
  let windowAt = 0;
  let at = start;
  while (true) {
    if (at + 8 > reader.size)
      throw new MalformedDataSet(
        "broken",
        `its compressed pixels end at byte ${reader.size}, without a delimiter`,
      );
    if (at < windowAt || at + 8 > windowAt + window.length) {
      window = reader.read(at, Math.min(readAhead, reader.size - at));
      windowAt = at;
    }
    const tag = window.readUInt16LE(at - windowAt) * 0x10000 + window.readUInt16LE(at - windowAt + 2);
    const length = window.readUInt32LE(at - windowAt + 4);
    at += 8;
    if (tag === tags.SequenceDelimitationItem) break;
    if (tag !== tags.Item)
      throw new MalformedDataSet("broken", `an item of compressed pixels is expected at byte ${at - 8}`);
    if (length > reader.size - at)
      throw new MalformedDataSet(
        "broken",
        `its compressed pixels announce ${length} bytes, but ${reader.size - at} are left`,
      );
    if (fragments.length > mostFragments)
      throw new MalformedDataSet("too-large", `its pixels have more than ${mostFragments} fragments`);
    fragments.push({ at, length });
    at += length;
  }
  const [table, ...others] = fragments;
  if (table === undefined) throw new MalformedDataSet("broken", "its compressed pixels have no fragment");
  const offsets = reader.read(table.at, table.length);
  return {
    offsets: Array.from({ length: Math.floor(table.length / 4) }, (_, i) => offsets.readUInt32LE(i * 4)),
    fragments: others,
    end: at,
  };
}
