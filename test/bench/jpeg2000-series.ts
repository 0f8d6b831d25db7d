import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type DicomSeriesContent, dicomFile, sliceElements } from "../support/images/dicom-builder.js";

interface Encoder {
  getDecodedBuffer(frame: {
    readonly width: number;
    readonly height: number;
    readonly bitsPerSample: number;
    readonly componentCount: number;
    readonly isSigned: boolean;
    readonly isUsingColorTransform: boolean;
  }): Uint8Array;
  getEncodedBuffer(): Uint8Array;
  setQuality(isLossless: boolean, rate: number): void;
  encode(): void;
}

type CreateModule = (options: { readonly wasmBinary: Uint8Array }) => Promise<{
  readonly J2KEncoder: new () => Encoder;
}>;

const require = createRequire(import.meta.url);
const pixelData = 0x7fe00010;

/** Writes a CT series in lossless JPEG 2000, one file for each slice, into a new folder. */
export async function writeJpeg2000Series(folder: string, content: DicomSeriesContent): Promise<void> {
  const createModule = require("@cornerstonejs/codec-openjpeg/wasmjs") as CreateModule;
  const wasmBinary = readFileSync(require.resolve("@cornerstonejs/codec-openjpeg/wasm"));
  const encoder = new (await createModule({ wasmBinary })).J2KEncoder();
  encoder.setQuality(true, 0);
  mkdirSync(folder, { recursive: true });
  const [slices, height, width] = content.sizeZyx;
  const frame = {
    ...{ width, height, bitsPerSample: 16, componentCount: 1 },
    ...{ isSigned: true, isUsingColorTransform: false },
  };
  for (let z = 0; z < slices; z++) {
    const pixels = content.voxels.subarray(z * height * width, (z + 1) * height * width);
    encoder.getDecodedBuffer(frame).set(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength));
    encoder.encode();
    const elements = new Map(sliceElements(content, z, pixels));
    elements.delete(pixelData);
    const file = dicomFile(elements, "1.2.840.10008.1.2.4.90");
    writeFileSync(
      join(folder, `IM${String(z + 1).padStart(4, "0")}.dcm`),
      Buffer.concat([file, encapsulated(encoder.getEncodedBuffer())]),
    );
  }
}

/** Returns the element of compressed pixels: an empty table of offsets, one fragment, and the delimiter (PS3.5, A.4). */
function encapsulated(stream: Uint8Array): Buffer {
  const padded = Buffer.alloc(stream.length + (stream.length % 2));
  padded.set(stream);
  const header = Buffer.from("e07f10004f420000ffffffff" + "feff00e000000000" + "feff00e000000000", "hex");
  header.writeUInt32LE(padded.length, header.length - 4);
  return Buffer.concat([header, padded, Buffer.from("feffdde000000000", "hex")]);
}
