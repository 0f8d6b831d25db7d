import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";

/** Decompresses gzip. A damaged or truncated stream fails while it is read. */
export const gunzipped = (bytes: Readable): AsyncIterable<Buffer> =>
  // pipeline destroys the second stream with the first one's error, so that the reader receives it.
  pipeline(bytes, createGunzip(), () => {});
