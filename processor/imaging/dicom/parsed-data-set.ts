import type { DataElement, DataSet, Tag } from "./data-set.js";
import { stringsOf } from "./element-values.js";
import { type ElementPlace, type Encoding, MalformedDataSet, scanElements } from "./scan-elements.js";
import { tags, tagText } from "./tags.js";

/** The most items of a sequence that is read, such as the frames of a file. */
const mostItems = 1 << 17;

export interface DataSetBytes {
  readonly bytes: Buffer;
  readonly encoding: Encoding;
  readonly elements: ReadonlyMap<number, ElementPlace>;
  /** The character sets of the data set that an item belongs to. */
  readonly outerCharacterSets: readonly string[];
}

/** A data set whose values are views of its file's bytes. The items of a sequence are listed when they are asked for. */
export class ParsedDataSet implements DataSet {
  readonly characterSets: readonly string[];
  readonly #bytes: Buffer;
  readonly #encoding: Encoding;
  readonly #elements: ReadonlyMap<number, ElementPlace>;

  constructor({ bytes, encoding, elements, outerCharacterSets }: DataSetBytes) {
    this.#bytes = bytes;
    this.#encoding = encoding;
    this.#elements = elements;
    this.characterSets = stringsOf(this, tags.SpecificCharacterSet) ?? outerCharacterSets;
  }

  get isBigEndian(): boolean {
    return this.#encoding.isBigEndian;
  }

  element(tag: Tag): DataElement | null {
    const place = this.#elements.get(tag);
    if (place === undefined) return null;
    return { tag, vr: place.vr || "UN", value: this.#bytes.subarray(place.at, place.end) };
  }

  tags(): readonly Tag[] {
    return [...this.#elements.keys()];
  }

  items(tag: Tag): readonly DataSet[] {
    const place = this.#elements.get(tag);
    if (place === undefined) return [];
    // The items of an unknown VR are in implicit VR (PS3.5, 6.2.2).
    const isExplicit = this.#encoding.isExplicit && place.vr === "SQ";
    const encoding = { isExplicit, isBigEndian: this.isBigEndian };
    const bytes = this.#bytes.subarray(0, place.end);
    const uint = (at: number, size: 2 | 4): number =>
      this.isBigEndian ? bytes.readUIntBE(at, size) : bytes.readUIntLE(at, size);
    const items: DataSet[] = [];
    for (let at = place.at; at + 8 <= place.end; ) {
      if (uint(at, 2) * 0x10000 + uint(at + 2, 2) !== tags.Item)
        throw new MalformedDataSet("broken", `${tagText(tag)} is not a sequence of items`);
      if (items.length >= mostItems)
        throw new MalformedDataSet("too-large", `${tagText(tag)} has more than ${mostItems} items`);
      const length = uint(at + 4, 4);
      const scanned = scanElements({
        bytes,
        encoding,
        from: at + 8,
        end: length === 0xffffffff ? null : at + 8 + length,
        fileBytes: place.end,
      });
      items.push(
        new ParsedDataSet({
          bytes,
          encoding,
          elements: scanned.elements,
          outerCharacterSets: this.characterSets,
        }),
      );
      at = scanned.end;
    }
    return items;
  }
}
