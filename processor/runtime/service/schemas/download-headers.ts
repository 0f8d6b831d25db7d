import { about, orAbsent, record, text } from "../../../contract/json-check.js";

/** The headers of requests for files. */
export const ofDownload = record({
  range: orAbsent(about("The part that is wanted: `bytes=0-99`.", text)),
  "if-none-match": orAbsent(about("The ETag of the file that the client has.", text)),
  "if-range": orAbsent(about("The ETag of the file that Range is a part of.", text)),
});
