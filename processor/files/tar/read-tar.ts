import { longestPath } from "../../contract/longest-path.js";

/** The bytes of a block, of which headers and contents consist. */
export const tarBlockBytes = 512;

/** An entry of a tar. */
export interface TarEntry {
  /** Exactly as written: `./manifest.json` is not `manifest.json`. */
  readonly path: string;
  readonly kind: "file" | "directory" | "link" | "symlink" | "other";
  readonly linkTarget: string;
  /** Permissions with setuid, setgid and sticky bit. */
  readonly mode: number;
  readonly sizeBytes: number;
  /** Must be read before the next entry is requested. Unread bytes are skipped. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Thrown if the bytes are not a tar or end too early. */
export class TarError extends Error {
  override readonly name = "TarError";
}

/** Returns whether an error means that a tar, or the gzip stream around it, is damaged or truncated. */
export const isDamagedTar = (error: unknown): error is Error =>
  error instanceof TarError ||
  (error instanceof Error && "code" in error && String(error.code).startsWith("Z_"));

const maxMetadataBytes = 1 << 20;
/** The digits of a record's length in a pax header, and the space after them. */
const mostLengthBytes = 9;

/**
 * Reads a tar entry by entry, with at most one header in memory. Supports ustar, GNU long names and pax.
 *
 * @throws TarError
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const reader = new ChunkReader(source);
  try {
    yield* entriesOf(reader);
  } finally {
    await reader.close();
  }
}

async function* entriesOf(reader: ChunkReader): AsyncGenerator<TarEntry> {
  let pax: ReadonlyMap<string, string> = new Map();
  let gnuName: string | null = null;
  let gnuLink: string | null = null;
  for (;;) {
    const header = await reader.exactly(tarBlockBytes);
    if (header === null && (pax.size > 0 || gnuName !== null || gnuLink !== null))
      throw new TarError("it ends within a header");
    if (header === null || header.every((byte) => byte === 0)) return;
    checkSum(header);
    const type = String.fromCharCode(header[156]!);
    const headerSize = numberAt(header, 124, 12);
    if (type === "x" || type === "g" || type === "L" || type === "K") {
      const body = await metadata(reader, headerSize);
      if (type === "x") pax = paxRecords(body);
      else if (type === "L") gnuName = textOf(body);
      else if (type === "K") gnuLink = textOf(body);
      continue;
    }
    const sizeBytes = Number(pax.get("size") ?? headerSize);
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
      throw new TarError("an entry's size is not a number");
    const prefix = textOf(header.subarray(257, 262)) === "ustar" ? textOf(header.subarray(345, 500)) : "";
    const name = textOf(header.subarray(0, 100));
    const path = pax.get("path") ?? gnuName ?? (prefix === "" ? name : `${prefix}/${name}`);
    const linkTarget = pax.get("linkpath") ?? gnuLink ?? textOf(header.subarray(157, 257));
    if (Math.max(path.length, linkTarget.length) > longestPath)
      throw new TarError(`it names a path of more than ${longestPath} characters`);
    const body = reader.take(sizeBytes);
    yield {
      path,
      kind: kindOf(type),
      mode: numberAt(header, 100, 8) & 0o7777,
      linkTarget,
      sizeBytes,
      bytes: body.bytes,
    };
    await body.skip();
    await reader.skip((tarBlockBytes - (sizeBytes % tarBlockBytes)) % tarBlockBytes);
    pax = new Map();
    gnuName = null;
    gnuLink = null;
  }
}

const kinds: Readonly<Record<string, TarEntry["kind"]>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  "1": "link",
  "2": "symlink",
  "5": "directory",
};

const kindOf = (type: string): TarEntry["kind"] => kinds[type] ?? "other";

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("utf8");
}

/** Reads octal text, or base 256 if the first bit is set, which GNU uses for large sizes. */
function numberAt(header: Uint8Array, at: number, length: number): number {
  const field = header.subarray(at, at + length);
  if ((field[0]! & 0x80) === 0) return Number.parseInt(textOf(field).trim() || "0", 8);
  return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, field[0]! & 0x7f);
}

function checkSum(header: Uint8Array): void {
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  if (sum !== numberAt(header, 148, 8)) throw new TarError("a header's checksum is wrong");
}

async function metadata(reader: ChunkReader, sizeBytes: number): Promise<Uint8Array> {
  if (!(sizeBytes <= maxMetadataBytes)) throw new TarError("a name is longer than 1 MiB");
  const body = await reader.exactly(sizeBytes);
  if (body === null) throw new TarError("it ends within a header");
  await reader.skip((tarBlockBytes - (sizeBytes % tarBlockBytes)) % tarBlockBytes);
  return body;
}

function paxRecords(body: Uint8Array): ReadonlyMap<string, string> {
  const bytes = Buffer.from(body);
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    // Only a few bytes are searched for the length, so that a damaged header does not take quadratic time.
    const [digits] = /^\d+(?= )/.exec(bytes.toString("latin1", at, at + mostLengthBytes)) ?? [];
    const length = Number(digits);
    const isWhole = length >= 5 && bytes[at + length - 1] === 0x0a; // "\n"
    if (digits === undefined || !isWhole) throw new TarError("a pax header is damaged");
    const record = bytes.toString("utf8", at + digits.length + 1, at + length - 1);
    const equals = record.indexOf("=");
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

/** Reads requested amounts of bytes from a stream. */
class ChunkReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Closes the stream, because a connection that is not read to its end would keep the process alive. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** Returns null at the end of the stream. */
  async exactly(length: number): Promise<Buffer | null> {
    const pieces: Uint8Array[] = [];
    for (let missing = length; missing > 0; ) {
      const piece = await this.#upTo(missing);
      if (piece === null) {
        if (pieces.length > 0) throw new TarError("it ends within a header");
        return null;
      }
      pieces.push(piece);
      missing -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  take(length: number): { readonly bytes: AsyncIterable<Uint8Array>; skip(): Promise<void> } {
    let left = length;
    const next = async (): Promise<Uint8Array | null> => {
      if (left === 0) return null;
      const piece = await this.#upTo(left);
      if (piece === null) throw new TarError("it ends within a file");
      left -= piece.length;
      return piece;
    };
    async function* bytes() {
      for (let piece = await next(); piece !== null; piece = await next()) yield piece;
    }
    return {
      bytes: bytes(),
      skip: async () => {
        while ((await next()) !== null);
      },
    };
  }

  async skip(length: number): Promise<void> {
    await this.take(length).skip();
  }

  async #upTo(length: number): Promise<Uint8Array | null> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done === true) return null;
      this.#rest = value;
    }
    const piece = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }
}
