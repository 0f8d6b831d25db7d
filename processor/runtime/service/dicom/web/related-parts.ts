import { exchangeError } from "../errors.js";

/** One part of a multipart body. The next part can be read only after this one's content. */
export interface RelatedPart {
  /** By lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly content: AsyncIterable<Buffer>;
}

const longestHeaders = 1 << 14;
const mostParts = 100_000;

/**
 * Splits a body of `multipart/related` (RFC 2046, 5.1; RFC 2387) into its parts while it arrives. Memory holds one chunk
 * and a boundary.
 *
 * @throws DICOM_BODY_INVALID
 */
export async function* relatedParts(
  body: AsyncIterable<Buffer>,
  boundary: string,
): AsyncGenerator<RelatedPart> {
  const source = new Chunks(body);
  const first = Buffer.from(`--${boundary}`);
  const between = Buffer.from(`\r\n--${boundary}`);
  // The preamble before the first boundary is skipped.
  for await (const _ of source.until(first, longestHeaders));
  for (let count = 0; ; count++) {
    const after = await source.take(2);
    if (after.toString("latin1") === "--") return;
    if (after.toString("latin1") !== "\r\n")
      throw exchangeError("DICOM_BODY_INVALID", "a boundary of the body is not followed by a line break");
    if (count >= mostParts)
      throw exchangeError("DICOM_BODY_INVALID", `the body has more than ${mostParts} parts`);
    const headers = await readHeaders(source);
    const content = source.until(between, Number.POSITIVE_INFINITY);
    yield { headers, content };
    for await (const _ of content); // what the caller left
  }
}

async function readHeaders(source: Chunks): Promise<ReadonlyMap<string, string>> {
  if ((await source.peek(2)).toString("latin1") === "\r\n") {
    await source.take(2);
    return new Map();
  }
  const parts: Buffer[] = [];
  for await (const part of source.until(Buffer.from("\r\n\r\n"), longestHeaders)) parts.push(part);
  const lines = Buffer.concat(parts).toString("latin1").split("\r\n");
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, Math.max(colon, 0)).trim().toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
}

/** The bytes of a stream, of which the beginning can be looked at. */
class Chunks {
  readonly #source: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async peek(length: number): Promise<Buffer> {
    while (this.#held.length < length) await this.#more();
    return this.#held.subarray(0, length);
  }

  async take(length: number): Promise<Buffer> {
    const taken = await this.peek(length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  /** Yields the bytes before a mark, and takes the mark away. A second loop over the rest yields nothing. */
  async *until(mark: Buffer, most: number): AsyncGenerator<Buffer> {
    let length = 0;
    while (true) {
      const at = this.#held.indexOf(mark);
      // A mark may have begun at the end of the chunk.
      const sure = at < 0 ? this.#held.length - mark.length + 1 : at;
      if (sure > 0) {
        length += sure;
        if (length > most) throw exchangeError("DICOM_BODY_INVALID", "a header of the body is too long");
        const part = this.#held.subarray(0, sure);
        this.#held = this.#held.subarray(sure);
        yield part;
      }
      if (at >= 0) {
        this.#held = this.#held.subarray(mark.length);
        return;
      }
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done === true) throw exchangeError("DICOM_BODY_INVALID", "the body ends before its last boundary");
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value]);
  }
}

/**
 * Returns a parameter of a media type, without quotes; null if it is absent.
 *
 * @example parameterOf('multipart/related; type="application/dicom"', "type") // "application/dicom"
 */
export function parameterOf(mediaType: string, name: string): string | null {
  for (const part of mediaType.slice(0, 1000).split(";").slice(1)) {
    const [key = "", ...rest] = part.split("=");
    if (key.trim().toLowerCase() !== name) continue;
    return rest
      .join("=")
      .trim()
      .replace(/^"(.*)"$/, "$1");
  }
  return null;
}
