import { tags } from "./tags.js";

/** How a data set is written. */
export interface Encoding {
  readonly isExplicit: boolean;
  readonly isBigEndian: boolean;
}

/** The place of an element in the file's bytes. */
export interface ElementPlace {
  readonly vr: string;
  /** The offset of the value. */
  readonly at: number;
  /** The offset after the value, without the delimiter of an undefined length. */
  readonly end: number;
}

export interface ScannedElements {
  readonly elements: ReadonlyMap<number, ElementPlace>;
  /** The pixels, at which the scan stops; null if there are none. */
  readonly pixelData: PixelDataPlace | null;
  /** The offset after the last element that was scanned. */
  readonly end: number;
}

export interface PixelDataPlace {
  readonly tag: number;
  readonly vr: string;
  readonly at: number;
  /** Null for an undefined length, which compressed pixels have. */
  readonly length: number | null;
}

/** Why a data set can't be read. */
export class MalformedDataSet extends Error {
  override readonly name = "MalformedDataSet";
  readonly problem: "broken" | "too-deep" | "too-large";

  constructor(problem: MalformedDataSet["problem"], message: string) {
    super(message);
    this.problem = problem;
  }
}

/** Reports that the bytes end before the data set does, although the file has more of them. */
export class NeedsMoreBytes extends Error {
  override readonly name = "NeedsMoreBytes";
}

export interface ScanTask {
  /** The beginning of the file, or all of it. */
  readonly bytes: Buffer;
  readonly encoding: Encoding;
  readonly from: number;
  /** The end of the data set: the length of the file, or the end of an item. Null for an item of undefined length. */
  readonly end: number | null;
  /** The length of the file. */
  readonly fileBytes: number;
}

/** The nesting that is read. Each level is a sequence in an item of another one. */
const deepestNesting = 64;
/** The most elements of one data set, so that a small file can't fill the memory. */
const mostElements = 1 << 16;

/** VRs whose length has 32 bits after two reserved bytes, in explicit VR (PS3.5, 7.1.2). */
const longVrs = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);

/** A sequence or an item that the scan is in. The outermost container is the data set itself. */
interface Container {
  readonly holds: "elements" | "items" | "fragments";
  /** Null for an undefined length, which a delimiter ends. */
  readonly end: number | null;
  readonly isExplicit: boolean;
}

/**
 * Lists the elements of a data set and checks everything inside of them: each length against the bytes that are left,
 * each delimiter, and the depth. Time is linear in the bytes, and nothing is copied.
 *
 * @throws MalformedDataSet, NeedsMoreBytes
 */
export const scanElements = (task: ScanTask): ScannedElements => new ElementScan(task).run();

/** Keeps its own stack, so that a file with thousands of nested sequences can't exhaust the program's. */
class ElementScan {
  readonly #bytes: Buffer;
  readonly #isBigEndian: boolean;
  readonly #fileBytes: number;
  readonly #elements = new Map<number, ElementPlace>();
  readonly #stack: Container[];
  #pixelData: PixelDataPlace | null = null;
  #at: number;
  /** The sequence of the data set itself that the scan is in. */
  #open: Omit<ElementPlace, "end"> & { readonly tag: number } = { tag: 0, vr: "", at: 0 };

  constructor({ bytes, encoding, from, end, fileBytes }: ScanTask) {
    this.#bytes = bytes;
    this.#isBigEndian = encoding.isBigEndian;
    this.#fileBytes = fileBytes;
    this.#stack = [{ holds: "elements", end, isExplicit: encoding.isExplicit }];
    this.#at = from;
  }

  run(): ScannedElements {
    while (this.#stack.length > 0 && this.#pixelData === null) {
      const inside = this.#stack[this.#stack.length - 1]!;
      if (inside.end !== null && this.#at >= inside.end) {
        if (this.#at > inside.end)
          throw broken(`a value is longer than what holds it, at byte ${inside.end}`);
        this.#leave(this.#at);
      } else this.#step(inside);
    }
    return { elements: this.#elements, pixelData: this.#pixelData, end: this.#at };
  }

  /** Reads an element, an item or a delimiter. */
  #step(inside: Container): void {
    this.#need(8);
    const tag = this.#uint16(this.#at) * 0x10000 + this.#uint16(this.#at + 2);
    const delimiter = inside.holds === "elements" ? tags.ItemDelimitationItem : tags.SequenceDelimitationItem;
    if (tag === delimiter && inside.end === null) {
      this.#at += 8;
      this.#leave(this.#at - 8);
    } else if (inside.holds === "elements") {
      this.#element(tag, inside);
    } else if (tag === tags.Item) {
      const end = this.#endOfValue(8, this.#uint32(this.#at + 4), inside);
      this.#at += 8;
      if (inside.holds === "items") this.#enter({ holds: "elements", end, isExplicit: inside.isExplicit });
      else if (end === null) throw broken(`a fragment has no length, at byte ${this.#at}`);
      else this.#at = end;
    } else throw broken(`an item is expected at byte ${this.#at}`);
  }

  #element(tag: number, inside: Container): void {
    const { vr, length, headerBytes } = this.#header(inside.isExplicit);
    if (tag >= tags.Item && tag <= tags.SequenceDelimitationItem)
      throw broken(`a delimiter has nothing to end, at byte ${this.#at}`);
    const isOutermost = this.#stack.length === 1;
    const end = this.#endOfValue(headerBytes, length, inside);
    const at = this.#at + headerBytes;
    if (isOutermost && pixelTags.has(tag)) {
      this.#pixelData = { tag, vr, at, length: end === null ? null : length };
      this.#at = at;
      return;
    }
    if (vr === "SQ" || end === null) {
      if (isOutermost) this.#open = { tag, vr, at };
      this.#at = at;
      // The items of an unknown VR are in implicit VR (PS3.5, 6.2.2).
      this.#enter({
        holds: vr === "OB" || vr === "OW" ? "fragments" : "items",
        end,
        isExplicit: inside.isExplicit && vr === "SQ",
      });
      return;
    }
    this.#at = end;
    if (isOutermost) this.#record(tag, { vr, at, end });
  }

  #header(isExplicit: boolean): {
    readonly vr: string;
    readonly length: number;
    readonly headerBytes: number;
  } {
    const at = this.#at;
    if (!isExplicit) return { vr: "", length: this.#uint32(at + 4), headerBytes: 8 };
    const [first, second] = [this.#bytes[at + 4]!, this.#bytes[at + 5]!];
    if (!isLetter(first) || !isLetter(second)) throw broken(`no value representation at byte ${at + 4}`);
    const vr = String.fromCharCode(first, second);
    if (!longVrs.has(vr)) return { vr, length: this.#uint16(at + 6), headerBytes: 8 };
    this.#need(12);
    return { vr, length: this.#uint32(at + 8), headerBytes: 12 };
  }

  /** Returns the end of a value; null for an undefined length. */
  #endOfValue(headerBytes: number, length: number, inside: Container): number | null {
    if (length === undefinedLength) return null;
    const end = this.#at + headerBytes + length;
    const limit = inside.end ?? this.#fileBytes;
    if (end > limit)
      throw broken(
        `an element at byte ${this.#at} announces ${length} bytes, but ${Math.max(0, limit - this.#at - headerBytes)} are left`,
      );
    return end;
  }

  #enter(container: Container): void {
    // A level is two containers, the sequence and its item; the data set itself is the first.
    if (this.#stack.length > 2 * deepestNesting)
      throw new MalformedDataSet(
        "too-deep",
        `its sequences are nested more than ${deepestNesting} levels deep`,
      );
    this.#stack.push(container);
  }

  /** Leaves the innermost container. */
  #leave(valueEnd: number): void {
    this.#stack.pop();
    if (this.#stack.length === 1) this.#record(this.#open.tag, { ...this.#open, end: valueEnd });
  }

  #record(tag: number, { vr, at, end }: ElementPlace): void {
    if (this.#elements.size >= mostElements)
      throw new MalformedDataSet("too-large", `it has more than ${mostElements} elements`);
    this.#elements.set(tag, { vr, at, end });
  }

  #need(count: number): void {
    const end = this.#at + count;
    if (end <= this.#bytes.length) return;
    if (end <= this.#fileBytes) throw new NeedsMoreBytes();
    throw broken(`it ends at byte ${this.#fileBytes}, within an element`);
  }

  #uint16(at: number): number {
    return this.#isBigEndian ? this.#bytes.readUInt16BE(at) : this.#bytes.readUInt16LE(at);
  }

  #uint32(at: number): number {
    return this.#isBigEndian ? this.#bytes.readUInt32BE(at) : this.#bytes.readUInt32LE(at);
  }
}

const undefinedLength = 0xffffffff;

const pixelTags: ReadonlySet<number> = new Set([
  tags.PixelData,
  tags.FloatPixelData,
  tags.DoubleFloatPixelData,
]);

const isLetter = (code: number): boolean => code >= 0x41 && code <= 0x5a;

const broken = (message: string): MalformedDataSet => new MalformedDataSet("broken", message);
