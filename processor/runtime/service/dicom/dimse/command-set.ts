import { ProtocolError } from "./read-pdus.js";

/** The elements of a command (PS3.7, E), by the number of the element in group 0000. */
export type CommandSet = ReadonlyMap<number, string | number>;

export const fields = {
  affectedSopClass: 0x0002,
  command: 0x0100,
  messageId: 0x0110,
  respondedTo: 0x0120,
  priority: 0x0700,
  dataSetType: 0x0800,
  status: 0x0900,
  affectedSopInstance: 0x1000,
} as const;

export const commands = {
  storeRequest: 0x0001,
  storeResponse: 0x8001,
  echoRequest: 0x0030,
  echoResponse: 0x8030,
} as const;

export const noDataSet = 0x0101;

const texts: ReadonlySet<number> = new Set([fields.affectedSopClass, fields.affectedSopInstance]);

/**
 * Decodes a command, which is in implicit VR little endian.
 *
 * @throws ProtocolError
 */
export function decodeCommand(bytes: Buffer): CommandSet {
  const command = new Map<number, string | number>();
  for (let at = 0; at < bytes.length; ) {
    if (at + 8 > bytes.length || bytes.readUInt16LE(at) !== 0)
      throw new ProtocolError("a command is damaged");
    const element = bytes.readUInt16LE(at + 2);
    const length = bytes.readUInt32LE(at + 4);
    const value = bytes.subarray(at + 8, at + 8 + length);
    if (value.length !== length) throw new ProtocolError("a command ends early");
    if (texts.has(element)) command.set(element, value.toString("latin1").replace(/[ \0]+$/, ""));
    else if (length === 2) command.set(element, value.readUInt16LE(0));
    at += 8 + length;
  }
  return command;
}

/** Encodes a command, with its group length. */
export function encodeCommand(command: CommandSet): Buffer {
  const elements = [...command]
    .sort(([a], [b]) => a - b)
    .map(([element, value]) => elementOf(element, value));
  const body = Buffer.concat(elements);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([head(0, 4), length, body]);
}

function elementOf(element: number, value: string | number): Buffer {
  if (typeof value === "number") {
    const number = Buffer.alloc(2);
    number.writeUInt16LE(value);
    return Buffer.concat([head(element, 2), number]);
  }
  const text = Buffer.from(value.length % 2 === 0 ? value : `${value}\0`, "latin1");
  return Buffer.concat([head(element, text.length), text]);
}

function head(element: number, length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(element, 2);
  bytes.writeUInt32LE(length, 4);
  return bytes;
}

/** @throws ProtocolError if the command lacks the number */
export function numberIn(command: CommandSet, field: number): number {
  const value = command.get(field);
  if (typeof value === "number") return value;
  throw new ProtocolError(`a command lacks the element ${field.toString(16)}`);
}

export const textIn = (command: CommandSet, field: number): string => String(command.get(field) ?? "");
