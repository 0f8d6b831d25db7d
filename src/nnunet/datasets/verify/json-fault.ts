import { isUtf8 } from "node:buffer";
import { readFile, stat } from "node:fs/promises";
import { whyUnreadable } from "../../../../processor/files/why-unreadable.js";
import { parseJson } from "../../../checkpoint/parse-json.js";
import { largestJsonBytes } from "../../files/read-json.js";

/** Why Python cannot read a JSON file, or takes it for no object. */
export interface JsonFault {
  readonly text: string;
  readonly exception: string;
  /** True if this program reads the file all the same. */
  readonly isReadable: boolean;
  /** What to do about it, if not to correct the text. */
  readonly remedy?: string;
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** Returns what stops Python's `json.load` and nnU-Net at a file; null if nothing does, or the file does not exist. */
export async function jsonFault(path: string): Promise<JsonFault | null> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile() !== true || found.size > largestJsonBytes) return null;
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    return {
      text: `${path}${await whyUnreadable(path, cause)}`,
      exception: (cause as NodeJS.ErrnoException).code === "EACCES" ? "PermissionError" : "OSError",
      isReadable: false,
      remedy: "Give your account the right to read the file.",
    };
  }
  const fault = (text: string, exception: string, isReadable = false): JsonFault => ({
    text: `${path} ${text}`,
    exception,
    isReadable,
  });
  if (!isUtf8(bytes)) return fault("is not UTF-8 text", "UnicodeDecodeError");
  const isMarked = bytes.subarray(0, 3).equals(byteOrderMark);
  try {
    const value = parseJson(bytes.toString("utf8", isMarked ? 3 : 0));
    if (!(value instanceof Map)) return fault("should hold a JSON object", "AttributeError");
  } catch (cause) {
    return fault(`is not JSON: ${(cause as Error).message}`, "JSONDecodeError");
  }
  return isMarked
    ? fault("begins with a byte order mark, which nnU-Net does not read", "JSONDecodeError", true)
    : null;
}
