import { serviceError } from "../errors.js";

const longestName = 200;
const deepestPath = 10;

/**
 * Returns a file's name as a client sent it, as a path that stays below its folder: a browser sends the folders of a dropped
 * folder, too.
 *
 * @throws UPLOAD_INVALID for a name that leads elsewhere, or that no file system can have
 */
export function cleanName(name: string): string {
  const parts = name.split(/[/\\]/).filter((part) => part !== "" && part !== ".");
  const isClean =
    parts.length > 0 &&
    parts.length <= deepestPath &&
    parts.every((part) => part !== ".." && Buffer.byteLength(part) <= longestName && !/\p{Cc}/u.test(part));
  if (isClean && !/^[A-Za-z]:$/.test(parts[0]!)) return parts.join("/");
  throw serviceError("UPLOAD_INVALID", `${JSON.stringify(name.slice(0, 100))} cannot be the name of a file`);
}
