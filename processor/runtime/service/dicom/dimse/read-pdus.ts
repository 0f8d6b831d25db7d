import type { Socket } from "node:net";

/** A protocol data unit of the DICOM upper layer (PS3.8, 9.3), without its header. */
export interface Pdu {
  readonly type: number;
  readonly body: Buffer;
}

export const pduTypes = {
  associateRequest: 0x01,
  associateAccept: 0x02,
  associateReject: 0x03,
  data: 0x04,
  releaseRequest: 0x05,
  releaseResponse: 0x06,
  abort: 0x07,
} as const;

/** Reports that the other side does not keep to the protocol, or asks for more than is allowed. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

const headerBytes = 6;

/**
 * Splits a connection's bytes into units. Waiting for the caller between them holds the other side back.
 *
 * @param mostBytes the most bytes of one unit
 * @throws ProtocolError
 */
export async function* readPdus(source: AsyncIterable<Buffer>, mostBytes: number): AsyncGenerator<Pdu> {
  let parts: Buffer[] = [];
  let length = 0;
  let needed = headerBytes;
  for await (const chunk of source) {
    parts.push(chunk);
    length += chunk.length;
    while (length >= needed) {
      const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts, length);
      const bodyBytes = bytes.readUInt32BE(2);
      if (bodyBytes > mostBytes)
        throw new ProtocolError(`a unit of ${bodyBytes} bytes, but at most ${mostBytes} are allowed`);
      parts = [bytes];
      needed = headerBytes + bodyBytes;
      if (length < needed) break;
      yield { type: bytes[0]!, body: bytes.subarray(headerBytes, needed) };
      parts = [bytes.subarray(needed)];
      length -= needed;
      needed = headerBytes;
    }
  }
  if (length > 0) throw new ProtocolError("the connection ended within a unit");
}

export function pduBytes(type: number, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(headerBytes + body.length);
  bytes[0] = type;
  bytes.writeUInt32BE(body.length, 2);
  bytes.set(body, headerBytes);
  return bytes;
}

/** Writes bytes, and waits until the system has them, which holds this side back if the other one is slow. */
export const writeTo = (socket: Socket, bytes: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error === null || error === undefined ? resolve() : reject(error)));
  });
