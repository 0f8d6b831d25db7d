import { closeSync, openSync, readSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import type { DicomVoxels } from "../dicom-series.js";
import type { Fragment } from "../fragments.js";
import type { DeflatedPart } from "../read-dicom-file.js";
import type { Codec } from "../transfer-syntaxes.js";
import { checkEndMarker, jpeg2000Facts, jpegLsFacts } from "./codestream-facts.js";
import { decodeRle } from "./decode-rle.js";
import { decodeJpeg } from "./jpeg/decode-jpeg.js";
import { checkCodestream, type PixelShape } from "./pixel-shape.js";
import { type Samples, storedToValues } from "./stored-to-values.js";
import { Undecodable } from "./undecodable.js";
import { rescaleOfStored, type ValueRule } from "./value-rule.js";
import { decodeByWasm } from "./wasm-codecs.js";

/** One slice to decode, in plain values that can be sent to a worker. */
export interface SliceTask extends PixelShape, ValueRule {
  readonly path: string;
  readonly codec: Codec;
  /** The parts of the file that hold the pixels, in order. */
  readonly parts: readonly Fragment[];
  /** The deflated data set that the parts are in; null for other files. */
  readonly deflated: DeflatedPart | null;
  /** How the bytes of uncompressed pixels are swapped: in pairs, in fours, or not. */
  readonly swap: 1 | 2 | 4;
  /** The voxels of the slice, in shared memory. */
  readonly values: DicomVoxels;
}

/** Slices that a worker decodes one after the other. */
export type SliceBatch = readonly SliceTask[];

export interface SliceProblem {
  /** The number of the slice in the batch. */
  readonly slice: number;
  readonly message: string;
}

/** Reads and decodes slices into their places. Returns the first problem; null if there is none. */
export async function decodeSlices(batch: SliceBatch): Promise<SliceProblem | null> {
  try {
    for (const [slice, task] of batch.entries()) {
      const message = await decodeSlice(task);
      if (message !== null) return { slice, message };
    }
    return null;
  } finally {
    inflated = null;
  }
}

async function decodeSlice(task: SliceTask): Promise<string | null> {
  try {
    if (!readsInPlace(task)) storedToValues(await samplesOf(task), task.values, task);
    return null;
  } catch (error) {
    if (error instanceof Undecodable) return error.message;
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined) return `it can't be read (${code})`;
    throw error;
  }
}

/** Reads pixels that are stored as their values straight to their place. Returns false for others. */
function readsInPlace(task: SliceTask): boolean {
  const { values, path, parts, deflated, codec, swap, bitsAllocated, bitsStored } = task;
  const { slope, intercept } = rescaleOfStored(task);
  const isSame =
    values instanceof Int16Array &&
    bitsAllocated === 16 &&
    bitsStored === 16 &&
    slope === 1 &&
    intercept === 0;
  if (!isSame || codec !== "none" || swap !== 1 || deflated !== null) return false;
  readInto(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), path, parts);
  return true;
}

async function samplesOf(task: SliceTask): Promise<Samples> {
  const bytes = readParts(task);
  switch (task.codec) {
    case "none":
      return nativeSamples(bytes, task);
    case "rle":
      return samplesOfBytes(decodeRle(bytes, task), task);
    case "jpeg":
      checkEndMarker(bytes);
      return decodeJpeg(bytes, task);
    case "jpeg-ls":
    case "jpeg-2000":
    case "htj2k": {
      checkEndMarker(bytes);
      const facts = task.codec === "jpeg-ls" ? jpegLsFacts(bytes) : jpeg2000Facts(bytes);
      checkCodestream(facts, task);
      const decoded = await decodeByWasm(task.codec, bytes);
      return samplesOfBytes(decoded, { ...task, bitsAllocated: facts.precision > 8 ? 16 : 8 });
    }
  }
}

let scratch = new Uint8Array(0);

/** Returns the bytes of the parts, one after the other. The view is valid until the next slice. */
function readParts({ path, parts, deflated }: SliceTask): Uint8Array {
  if (deflated !== null) {
    const whole = inflated?.path === path ? inflated.bytes : inflate(path, deflated);
    inflated = { path, bytes: whole };
    return Buffer.concat(parts.map(({ at, length }) => whole.subarray(at, at + length)));
  }
  return readRanges(path, parts);
}

/** The data set that was inflated last in a batch, because the frames of a file follow each other. */
let inflated: { readonly path: string; readonly bytes: Buffer } | null = null;

const inflate = (path: string, part: DeflatedPart): Buffer =>
  inflateRawSync(readRanges(path, [part]), { maxOutputLength: part.inflatedBytes });

function readRanges(path: string, ranges: readonly Fragment[]): Uint8Array {
  const total = ranges.reduce((sum, { length }) => sum + length, 0);
  if (scratch.length < total) scratch = new Uint8Array(total);
  const bytes = scratch.subarray(0, total);
  readInto(bytes, path, ranges);
  return bytes;
}

function readInto(bytes: Uint8Array, path: string, ranges: readonly Fragment[]): void {
  const file = openSync(path, "r");
  try {
    let to = 0;
    for (const { at, length } of ranges) {
      for (const end = to + length; to < end; ) {
        const read = readSync(file, bytes, to, end - to, at + length - (end - to));
        if (read === 0) throw new Undecodable("it ended while it was read");
        to += read;
      }
    }
  } finally {
    closeSync(file);
  }
}

function nativeSamples(bytes: Uint8Array, task: SliceTask): Samples {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (task.swap === 2) buffer.subarray(0, bytes.length & ~1).swap16();
  else if (task.swap === 4) buffer.subarray(0, bytes.length & ~3).swap32();
  return samplesOfBytes(bytes, task);
}

/** Views bytes in little endian as samples. */
function samplesOfBytes(
  bytes: Uint8Array,
  { rows, columns, bitsAllocated }: Pick<PixelShape, "rows" | "columns" | "bitsAllocated">,
): Samples {
  const count = rows * columns;
  if (bytes.length < (count * bitsAllocated) / 8)
    throw new Undecodable(`its pixels decode to ${bytes.length} bytes only`);
  if (bitsAllocated === 8) return bytes;
  const size = bitsAllocated / 8;
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes);
  return bitsAllocated === 16
    ? new Uint16Array(aligned.buffer, aligned.byteOffset, count)
    : new Uint32Array(aligned.buffer, aligned.byteOffset, count);
}
