import { crc32, deflateSync } from "node:zlib";

/** Returns a chunk with the right checksum. */
export function pngChunk(name: string, data: Uint8Array = new Uint8Array(0)): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

export interface PngHeaderFields {
  readonly width: number;
  readonly height: number;
  readonly bitDepth?: number;
  readonly colourType?: number;
  readonly interlace?: number;
}

export function pngHeaderChunk(fields: PngHeaderFields): Buffer {
  const { width, height, bitDepth = 8, colourType = 0, interlace = 0 } = fields;
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set([bitDepth, colourType, 0, 0, interlace], 8);
  return pngChunk("IHDR", data);
}

export const png = (...chunks: readonly Uint8Array[]): Buffer =>
  Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), ...chunks]);

/** Returns rows of 8-bit grey; each row starts with its own filter. */
export const deflatedRows = (rows: readonly (readonly number[])[]): Buffer =>
  deflateSync(Uint8Array.from(rows.flat()));
