import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";

/** What gzip holds; one that is damaged or cut off fails while it is read. */
export const gunzipped = (bytes: Readable): AsyncIterable<Buffer> =>
  // pipeline destroys the second stream with the first one's error, so that the reader sees it.
  pipeline(bytes, createGunzip(), () => {});
