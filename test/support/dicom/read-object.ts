import { readFileSync } from "node:fs";
import { elements, type Keyword } from "../../../processor/dicom-objects/elements.js";
import type { DataElement, DataSet } from "../../../processor/imaging/dicom/data-set.js";

/**
 * Reads a DICOM file in explicit or implicit VR little endian, sequences of defined and undefined length included. It is
 * a second reader, for what the product wrote; it checks that lengths are even and tags ascend.
 */
export function readObject(path: string): ReadItem {
  const bytes = readFileSync(path);
  if (bytes.toString("latin1", 128, 132) !== "DICM") throw new Error(`${path} is not a DICOM file`);
  const meta = new ItemReader(bytes, true).read(132, (tag) => tag >>> 16 !== 2);
  const isExplicit = meta.item.text("TransferSyntaxUID") !== "1.2.840.10008.1.2";
  const { item } = new ItemReader(bytes, isExplicit).read(meta.end, () => false);
  return new ReadItem(new Map([...meta.item.values, ...item.values]));
}

type Value = Buffer | readonly ReadItem[];

/** The elements of a data set or an item. */
export class ReadItem implements DataSet {
  readonly isBigEndian = false;

  readonly values: ReadonlyMap<number, Value>;

  constructor(values: ReadonlyMap<number, Value>) {
    this.values = values;
  }

  get characterSets(): readonly string[] {
    return this.text("SpecificCharacterSet")?.split("\\") ?? [];
  }

  /** Returns the text of an element, without padding; null if it is absent. */
  text(keyword: Keyword): string | null {
    const value = this.values.get(elements[keyword][0]);
    return Buffer.isBuffer(value) ? value.toString("utf8").replace(/[\0 ]+$/, "") : null;
  }

  numbers(keyword: Keyword): readonly number[] {
    const [tag, vr] = elements[keyword];
    const value = this.values.get(tag);
    if (!Buffer.isBuffer(value)) return [];
    const size = vr === "US" ? 2 : vr === "UL" || vr === "AT" ? 4 : 0;
    if (size === 0) return (this.text(keyword) ?? "").split("\\").map(Number);
    return Array.from({ length: value.length / size }, (_, i) => value.readUIntLE(i * size, size));
  }

  number(keyword: Keyword): number {
    return this.numbers(keyword)[0]!;
  }

  list(keyword: Keyword): readonly ReadItem[] {
    const value = this.values.get(elements[keyword][0]);
    return value === undefined || Buffer.isBuffer(value) ? [] : value;
  }

  first(keyword: Keyword): ReadItem {
    return this.list(keyword)[0]!;
  }

  bytes(keyword: Keyword): Buffer {
    return this.values.get(elements[keyword][0]) as Buffer;
  }

  element(tag: number): DataElement | null {
    const value = this.values.get(tag);
    return Buffer.isBuffer(value) ? { tag, vr: "UN", value } : null;
  }

  tags(): readonly number[] {
    return [...this.values.keys()];
  }

  items(tag: number): readonly DataSet[] {
    const value = this.values.get(tag);
    return value === undefined || Buffer.isBuffer(value) ? [] : value;
  }
}

const longForms = new Set(["OB", "OD", "OF", "OL", "OW", "SQ", "UC", "UN", "UR", "UT"]);
/** The tags that are sequences, where the file does not say it. */
const sequences = new Set<number>(
  Object.values(elements)
    .filter(([, vr]) => vr === "SQ")
    .map(([tag]) => tag),
);
const item = 0xfffee000;
const itemEnd = 0xfffee00d;
const sequenceEnd = 0xfffee0dd;

class ItemReader {
  readonly #bytes: Buffer;
  readonly #isExplicit: boolean;

  constructor(bytes: Buffer, isExplicit: boolean) {
    this.#bytes = bytes;
    this.#isExplicit = isExplicit;
  }

  read(start: number, isOver: (tag: number) => boolean, end = this.#bytes.length) {
    const values = new Map<number, Value>();
    let place = start;
    let before = -1;
    while (place < end) {
      const tag = this.#tag(place);
      if (isOver(tag)) break;
      if (tag <= before) throw new Error(`tag ${tag.toString(16)} after ${before.toString(16)}`);
      before = tag;
      const { isSequence, length, valueStart } = this.#header(place, tag);
      if (isSequence) {
        const list = this.#items(valueStart, length);
        values.set(tag, list.items);
        place = list.end;
        continue;
      }
      if (length % 2 === 1 || valueStart + length > end)
        throw new Error(`length ${length} of ${tag.toString(16)}`);
      values.set(tag, this.#bytes.subarray(valueStart, valueStart + length));
      place = valueStart + length;
    }
    return { item: new ReadItem(values), end: place };
  }

  #header(place: number, tag: number) {
    if (!this.#isExplicit)
      return {
        isSequence: sequences.has(tag),
        length: this.#bytes.readUInt32LE(place + 4),
        valueStart: place + 8,
      };
    const vr = this.#bytes.toString("latin1", place + 4, place + 6);
    return longForms.has(vr)
      ? { isSequence: vr === "SQ", length: this.#bytes.readUInt32LE(place + 8), valueStart: place + 12 }
      : { isSequence: false, length: this.#bytes.readUInt16LE(place + 6), valueStart: place + 8 };
  }

  #items(start: number, length: number) {
    const isUndefined = length === 0xffffffff;
    const end = isUndefined ? this.#bytes.length : start + length;
    const items: ReadItem[] = [];
    let place = start;
    while (place < end) {
      const tag = this.#tag(place);
      const itemLength = this.#bytes.readUInt32LE(place + 4);
      place += 8;
      if (tag === sequenceEnd) return { items, end: place };
      if (tag !== item) throw new Error(`no item at ${place - 8}`);
      const isOpen = itemLength === 0xffffffff;
      const found = this.read(place, (next) => isOpen && next === itemEnd, isOpen ? end : place + itemLength);
      items.push(found.item);
      place = found.end + (isOpen ? 8 : 0);
    }
    return { items, end: place };
  }

  #tag(place: number): number {
    return this.#bytes.readUInt16LE(place) * 65536 + this.#bytes.readUInt16LE(place + 2);
  }
}
