import { createInflateRaw } from "node:zlib";
import { MalformedDataSet } from "./scan-elements.js";

/** Bytes that every file may inflate to. */
const alwaysAllowed = 64 << 20;
const largestRatio = 200;

/**
 * Inflates the data set of a file in the deflated transfer syntax.
 *
 * @param limitOf returns the most bytes that the data set can have, given its beginning; null while that is not known
 * @throws MalformedDataSet if it is damaged, or if it inflates to more than 64 MiB and 200 times its size, or more than
 *   `limitOf` allows
 */
export async function inflateDataSet(
  deflated: Uint8Array,
  limitOf: (beginning: Buffer) => number | null,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  let limit = Math.max(alwaysAllowed, deflated.length * largestRatio);
  let isLimited = false;
  // Doubling keeps the time linear that the search for the pixels takes.
  let nextSearch = 1 << 16;
  const inflate = createInflateRaw({ chunkSize: 1 << 16 });
  inflate.end(deflated);
  try {
    for await (const part of inflate as AsyncIterable<Buffer>) {
      parts.push(part);
      length += part.length;
      if (!isLimited && length >= nextSearch) {
        const found = limitOf(Buffer.concat(parts, length));
        limit = Math.min(limit, found ?? limit);
        isLimited = found !== null;
        nextSearch *= 2;
      }
      if (length > limit) throw new MalformedDataSet("too-large", `it inflates to more than ${limit} bytes`);
    }
  } catch (error) {
    if (error instanceof MalformedDataSet) throw error;
    throw new MalformedDataSet("broken", `its deflated data set is damaged (${(error as Error).message})`);
  } finally {
    inflate.destroy();
  }
  return Buffer.concat(parts, length);
}
