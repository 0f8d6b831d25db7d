import { Undecodable } from "../undecodable.js";
import { type HuffmanTable, huffmanTable } from "./huffman-table.js";

/** What a JPEG stream of one grey image says before its bits. */
export interface JpegHeader {
  readonly process: "sequential" | "lossless";
  readonly precision: number;
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  /** By their number. */
  readonly dcTables: ReadonlyMap<number, HuffmanTable>;
  readonly acTables: ReadonlyMap<number, HuffmanTable>;
  /** In zigzag order, by their number. */
  readonly quantizations: ReadonlyMap<number, Uint16Array>;
  /** The number of the component's quantization. */
  readonly quantization: number;
  readonly dcTable: number;
  readonly acTable: number;
  /** The number of pixels (lossless) or blocks between restart markers; 0 for none. */
  readonly restartInterval: number;
  /** 1 to 7, for the lossless process. */
  readonly predictor: number;
  readonly pointTransform: number;
  /** The offset of the bits. */
  readonly scanAt: number;
}

interface Segment {
  readonly marker: number;
  readonly content: Uint8Array;
}

/**
 * Reads the header of a JPEG stream with one component (T.81, B).
 *
 * @throws Undecodable
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const dcTables = new Map<number, HuffmanTable>();
  const acTables = new Map<number, HuffmanTable>();
  const quantizations = new Map<number, Uint16Array>();
  let frame: Pick<
    JpegHeader,
    "process" | "precision" | "rows" | "columns" | "components" | "quantization"
  > | null = null;
  let restartInterval = 0;
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw new Undecodable("it does not begin as a JPEG stream");
  for (let at = 2; ; ) {
    // Any number of fill bytes may precede a marker (T.81, B.1.1.2).
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    const { marker, content } = segmentAt(bytes, at);
    at += 4 + content.length;
    if (marker === 0xc4) readHuffman(content, dcTables, acTables);
    else if (marker === 0xdb) readQuantizations(content, quantizations);
    else if (marker === 0xdd) restartInterval = uint16(content, 0);
    else if (marker in processes) frame = { process: processes[marker]!, ...readFrame(content) };
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xcc)
      throw new Undecodable(`its JPEG process (marker ${marker.toString(16)}) is not one of DICOM's`);
    else if (marker === 0xda) {
      if (frame === null) throw new Undecodable("its JPEG stream does not say its size");
      if (frame.components !== 1) throw new Undecodable(`it has ${frame.components} components`);
      if (content[0] !== 1 || content.length < 6)
        throw new Undecodable("its scan does not have one component");
      return {
        ...frame,
        dcTables,
        acTables,
        quantizations,
        restartInterval,
        dcTable: content[2]! >> 4,
        acTable: content[2]! & 15,
        predictor: content[3]!,
        pointTransform: content[5]! & 15,
        scanAt: at,
      };
    }
  }
}

/** Baseline and extended sequential, and lossless, all with Huffman codes. */
const processes: Readonly<Record<number, JpegHeader["process"]>> = {
  192: "sequential",
  193: "sequential",
  195: "lossless",
};

function segmentAt(bytes: Uint8Array, at: number): Segment {
  if (at + 4 > bytes.length || bytes[at] !== 0xff) throw new Undecodable("its JPEG header is damaged");
  const length = uint16(bytes, at + 2);
  if (length < 2 || at + 2 + length > bytes.length) throw new Undecodable("its JPEG header ends early");
  return { marker: bytes[at + 1]!, content: bytes.subarray(at + 4, at + 2 + length) };
}

const uint16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

function readFrame(
  content: Uint8Array,
): Pick<JpegHeader, "precision" | "rows" | "columns" | "components" | "quantization"> {
  return {
    precision: content[0] ?? 0,
    rows: uint16(content, 1),
    columns: uint16(content, 3),
    components: content[5] ?? 0,
    quantization: content[8] ?? 0,
  };
}

function readHuffman(
  content: Uint8Array,
  dcTables: Map<number, HuffmanTable>,
  acTables: Map<number, HuffmanTable>,
): void {
  for (let at = 0; at < content.length; ) {
    const kind = content[at]!;
    const counts = content.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const values = content.subarray(at + 17, at + 17 + total);
    if (counts.length < 16 || values.length < total) throw new Undecodable("a Huffman table ends early");
    (kind >> 4 === 0 ? dcTables : acTables).set(kind & 15, huffmanTable(counts, values));
    at += 17 + total;
  }
}

function readQuantizations(content: Uint8Array, quantizations: Map<number, Uint16Array>): void {
  for (let at = 0; at < content.length; ) {
    const kind = content[at]!;
    const isWide = kind >> 4 !== 0;
    const end = at + 1 + (isWide ? 128 : 64);
    if (end > content.length) throw new Undecodable("a quantization table ends early");
    const start = at + 1;
    quantizations.set(
      kind & 15,
      Uint16Array.from({ length: 64 }, (_, i) =>
        isWide ? uint16(content, start + 2 * i) : content[start + i]!,
      ),
    );
    at = end;
  }
}
