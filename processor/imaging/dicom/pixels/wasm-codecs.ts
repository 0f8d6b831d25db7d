import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Undecodable } from "./undecodable.js";

/** A codec that was compiled to WebAssembly. */
export type WasmCodec = "jpeg-ls" | "jpeg-2000" | "htj2k";

interface WasmDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  decode(): void;
  delete(): void;
}

interface WasmModule {
  readonly JpegLSDecoder?: new () => WasmDecoder;
  readonly J2KDecoder?: new () => WasmDecoder;
  readonly HTJ2KDecoder?: new () => WasmDecoder;
}

type CreateModule = (options: {
  readonly wasmBinary: Uint8Array;
  readonly print: (line: string) => void;
  readonly printErr: (line: string) => void;
}) => Promise<WasmModule>;

interface CodecPackage {
  readonly script: string;
  readonly binary: string;
  readonly decoder: keyof WasmModule;
}

const packages: Readonly<Record<WasmCodec, CodecPackage>> = {
  "jpeg-ls": {
    script: "@cornerstonejs/codec-charls/decodewasmjs",
    binary: "@cornerstonejs/codec-charls/decodewasm",
    decoder: "JpegLSDecoder",
  },
  "jpeg-2000": {
    script: "@cornerstonejs/codec-openjpeg/decodewasmjs",
    binary: "@cornerstonejs/codec-openjpeg/decodewasm",
    decoder: "J2KDecoder",
  },
  htj2k: {
    script: "@cornerstonejs/codec-openjph/wasmjs",
    binary: "@cornerstonejs/codec-openjph/wasm",
    decoder: "HTJ2KDecoder",
  },
};

const require = createRequire(import.meta.url);
const loaded = new Map<WasmCodec, OpenCodec>();

interface OpenCodec {
  readonly decoder: WasmDecoder;
  /** What the codec complained about since the last decoding. */
  readonly complaints: string[];
}

/**
 * Decodes a frame with a WebAssembly codec.
 *
 * @returns the samples in little endian, of one byte if the stream has at most 8 bits, otherwise of two. The view is
 *   valid until the next frame.
 * @throws Undecodable
 */
export async function decodeByWasm(codec: WasmCodec, bytes: Uint8Array): Promise<Uint8Array> {
  const open = loaded.get(codec) ?? (await load(codec));
  loaded.set(codec, open);
  try {
    open.complaints.length = 0;
    open.decoder.getEncodedBuffer(bytes.length).set(bytes);
    open.decoder.decode();
    if (open.complaints.length > 0) throw new Undecodable(`its ${codec} stream is damaged`);
    return open.decoder.getDecodedBuffer();
  } catch (error) {
    // A codec that failed may be in any state.
    loaded.delete(codec);
    if (error instanceof Undecodable) throw error;
    throw new Undecodable(`its ${codec} stream is damaged`, { cause: error });
  }
}

/** An image may be built without the codecs. */
function requireCodec(script: string, codec: WasmCodec): CreateModule {
  try {
    return require(script) as CreateModule;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    throw new Undecodable(
      `this program was built without the decoder of ${codec} (\`build_processor --leave-out dicom\`)`,
      {
        cause: error,
      },
    );
  }
}

async function load(codec: WasmCodec): Promise<OpenCodec> {
  const { script, binary, decoder } = packages[codec];
  const complaints: string[] = [];
  const createModule = requireCodec(script, codec);
  const module = await createModule({
    wasmBinary: readFileSync(require.resolve(binary)),
    print: () => {},
    printErr: (line) => complaints.push(line),
  });
  return { decoder: new module[decoder]!(), complaints };
}
