import { ProtocolError, pduBytes, pduTypes } from "./read-pdus.js";

/** A part of a command or of a data set (PS3.8, 9.3.5.1 and annex E). */
export interface DataValue {
  readonly contextId: number;
  readonly isCommand: boolean;
  readonly isLast: boolean;
  readonly bytes: Buffer;
}

/** @throws ProtocolError */
export function* dataValues(body: Buffer): Generator<DataValue> {
  for (let at = 0; at < body.length; ) {
    const length = at + 6 <= body.length ? body.readUInt32BE(at) : 0;
    if (length < 2 || at + 4 + length > body.length) throw new ProtocolError("a data unit is damaged");
    const flags = body[at + 5]!;
    yield {
      contextId: body[at + 4]!,
      isCommand: (flags & 1) === 1,
      isLast: (flags & 2) === 2,
      bytes: body.subarray(at + 6, at + 4 + length),
    };
    at += 4 + length;
  }
}

export function dataUnit({ contextId, isCommand, isLast, bytes }: DataValue): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt32BE(bytes.length + 2);
  head[4] = contextId;
  head[5] = (isCommand ? 1 : 0) | (isLast ? 2 : 0);
  return pduBytes(pduTypes.data, Buffer.concat([head, bytes]));
}
