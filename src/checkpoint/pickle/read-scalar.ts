import { printable } from "../../ground/untrusted/printable.js";
import type { ByteCursor } from "./byte-cursor.js";
import { littleEndianInteger } from "./integers.js";
import { booleanOrIntegerOf, floatOf, integerOf } from "./number-text.js";
import { opcodes } from "./opcodes.js";
import type { PickleFaults } from "./pickle-faults.js";
import { quotedString, rawUnicode } from "./pickle-text.js";

/** Returned by `readScalar` for opcodes that it does not handle. */
export const noScalar = Symbol("no scalar");

/**
 * Reads numbers, texts and bytes: opcodes that are followed by their value and need nothing from the stack.
 */
export function readScalar(opcode: number, input: ByteCursor, faults: PickleFaults): unknown {
  switch (opcode) {
    case opcodes.NONE:
      return null;
    case opcodes.NEWTRUE:
      return true;
    case opcodes.NEWFALSE:
      return false;
    case opcodes.BININT:
      return input.int32();
    case opcodes.BININT1:
      return input.uint8();
    case opcodes.BININT2:
      return input.uint16();
    case opcodes.LONG1:
      return integer(input, input.uint8(), faults);
    case opcodes.LONG4:
      return integer(input, input.int32(), faults);
    case opcodes.BINFLOAT:
      return input.float64BigEndian();
    case opcodes.INT:
      return numberIn(input.line(), booleanOrIntegerOf, faults);
    case opcodes.LONG:
      return numberIn(input.line().replace(/L$/, ""), integerOf, faults);
    case opcodes.FLOAT:
      return numberIn(input.line(), floatOf, faults);

    case opcodes.BINUNICODE:
      return input.utf8(input.uint32());
    case opcodes.SHORT_BINUNICODE:
      return input.utf8(input.uint8());
    case opcodes.BINUNICODE8:
      return input.utf8(input.uint64());
    case opcodes.UNICODE:
      return rawUnicode(input.line());
    case opcodes.STRING:
      return quotedString(input.line());
    // Python 2's str, which is text in every file that nnU-Net wrote.
    case opcodes.BINSTRING:
      return input.latin1(input.int32());
    case opcodes.SHORT_BINSTRING:
      return input.latin1(input.uint8());
    case opcodes.BINBYTES:
      return input.bytes(input.uint32());
    case opcodes.SHORT_BINBYTES:
      return input.bytes(input.uint8());
    case opcodes.BINBYTES8:
    case opcodes.BYTEARRAY8:
      return input.bytes(input.uint64());
    default:
      return noScalar;
  }
}

const maxIntegerBytes = 64;

function integer(input: ByteCursor, length: number, faults: PickleFaults): number | bigint {
  if (length > maxIntegerBytes) faults.refused(`holds an integer of ${length} bytes`);
  return littleEndianInteger(input.bytes(length));
}

/** Parses a number that is written as text, as in protocol 0. */
export function numberIn<T>(text: string, parse: (text: string) => T | null, faults: PickleFaults): T {
  return parse(text) ?? faults.damaged(`${printable(text)} is not a number`);
}
