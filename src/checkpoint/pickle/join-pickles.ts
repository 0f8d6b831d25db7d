import { ByteCursor } from "./byte-cursor.js";
import { opcodes } from "./opcodes.js";
import { PickleFaults } from "./pickle-faults.js";
import { noScalar, readScalar } from "./read-scalar.js";

/** The bytes of a pickle file. */
export interface PickleBytes {
  /** File of the bytes, for messages. */
  readonly source: string;
  readonly bytes: Uint8Array;
}

/**
 * Returns the pickle of a list whose items are the values of other pickles. They are copied opcode by opcode, so nothing in
 * them has to be understood, and only their memos are renumbered.
 *
 * @throws CHECKPOINT_TRUNCATED, MODEL_FILE_INVALID
 */
export function listOfPickles(pickles: readonly PickleBytes[]): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(opcodes.PROTO, 4, opcodes.EMPTY_LIST)];
  let memoStart = 0;
  for (const pickle of pickles) {
    const body = bodyOf(pickle, memoStart);
    for (const part of body.parts) parts.push(part);
    parts.push(Uint8Array.of(opcodes.APPEND));
    memoStart = body.memoEnd;
  }
  return Buffer.concat([...parts, Uint8Array.of(opcodes.STOP)]);
}

/**
 * Returns a pickle of a dict in which one key has another text as its value.
 *
 * @throws MODEL_FILE_INVALID if the bytes do not end like a pickle
 */
export function withText({ source, bytes }: PickleBytes, key: string, value: string): Uint8Array {
  const cursor = new ByteCursor(bytes, source);
  const faults = new PickleFaults(source, cursor);
  if (bytes.at(-1) !== opcodes.STOP) faults.damaged("it does not end with a stop");
  return Buffer.concat([
    // Frames must not end in the middle of what is added; a pickle without them means the same.
    ...bodyOf({ source, bytes }, 0).parts.toSpliced(0, 0, Uint8Array.of(opcodes.PROTO, 4)),
    unicode(key),
    unicode(value),
    Uint8Array.of(opcodes.SETITEM, opcodes.STOP),
  ]);
}

function unicode(text: string): Uint8Array {
  const encoded = Buffer.from(text);
  const head = Buffer.alloc(5);
  head[0] = opcodes.BINUNICODE;
  head.writeUInt32LE(encoded.length, 1);
  return Buffer.concat([head, encoded]);
}

interface Body {
  /** The opcodes without protocol, frames and stop. */
  readonly parts: Uint8Array[];
  /** The first number that no value of the memo has. */
  readonly memoEnd: number;
}

function bodyOf({ source, bytes }: PickleBytes, memoStart: number): Body {
  const input = new ByteCursor(bytes, source);
  const faults = new PickleFaults(source, input);
  const parts: Uint8Array[] = [];
  /** New numbers by those of this pickle, without gaps: four bytes hold them, whatever number the pickle names. */
  const numbers = new Map<number, number>();
  const remember = (index: number): void => {
    if (!(index >= 0)) faults.damaged("an object that is referred to has no number from 0");
    const number = numbers.get(index) ?? memoStart + numbers.size;
    numbers.set(index, number);
    parts.push(withIndex(opcodes.LONG_BINPUT, number));
  };
  const recall = (index: number): void => {
    const number =
      numbers.get(index) ?? faults.damaged(`it refers to object ${index}, which it does not hold`);
    parts.push(withIndex(opcodes.LONG_BINGET, number));
  };
  for (;;) {
    const start = input.position;
    const opcode = input.uint8();
    if (opcode === opcodes.STOP) return { parts, memoEnd: memoStart + numbers.size };
    if (opcode === opcodes.PROTO) input.uint8();
    else if (opcode === opcodes.FRAME) input.uint64();
    else if (opcode === opcodes.MEMOIZE) remember(numbers.size);
    else if (opcode === opcodes.BINPUT || opcode === opcodes.LONG_BINPUT || opcode === opcodes.PUT)
      remember(indexAfter(opcode, input));
    else if (opcode === opcodes.BINGET || opcode === opcodes.LONG_BINGET || opcode === opcodes.GET)
      recall(indexAfter(opcode, input));
    else {
      if (readScalar(opcode, input, faults) === noScalar) skipArguments(opcode, input, faults);
      parts.push(bytes.subarray(start, input.position));
    }
  }
}

const shortIndexes: readonly number[] = [opcodes.BINPUT, opcodes.BINGET];
const textIndexes: readonly number[] = [opcodes.PUT, opcodes.GET];

function indexAfter(opcode: number, input: ByteCursor): number {
  if (shortIndexes.includes(opcode)) return input.uint8();
  return textIndexes.includes(opcode) ? Number.parseInt(input.line(), 10) : input.uint32();
}

function withIndex(opcode: number, index: number): Uint8Array {
  const bytes = Buffer.alloc(5);
  bytes[0] = opcode;
  bytes.writeUInt32LE(index, 1);
  return bytes;
}

/** Opcodes that are followed by two lines of text. */
const named: readonly number[] = [opcodes.GLOBAL, opcodes.INST];
const known: ReadonlySet<number> = new Set<number>(Object.values(opcodes));

function skipArguments(opcode: number, input: ByteCursor, faults: PickleFaults): void {
  if (!known.has(opcode)) faults.damaged(`0x${opcode.toString(16)} is not an opcode`);
  if (named.includes(opcode)) {
    input.line();
    input.line();
  } else if (opcode === opcodes.PERSID) input.line();
  else if (opcode === opcodes.EXT1) input.uint8();
  else if (opcode === opcodes.EXT2) input.uint16();
  else if (opcode === opcodes.EXT4) input.uint32();
}
