import { serviceError } from "../errors.js";

const longestName = 200;
const deepestPath = 10;
/** Control characters, and unpaired surrogates, which would all become the same character (U+FFFD) in the name of a file. */
const unwritable = /[\p{Cc}\p{Cs}]/u;

/**
 * Returns a file's name as a client sent it, as a path that stays below its folder: a browser sends the folders of a dropped
 * folder, too.
 *
 * @throws FILE_NAME_INVALID for a name that leads elsewhere, or that no file system can have
 */
export function cleanName(name: string): string {
  const parts = name.split(/[/\\]/).filter((part) => part !== "" && part !== ".");
  const isClean =
    parts.length > 0 &&
    parts.length <= deepestPath &&
    parts.every((part) => part !== ".." && Buffer.byteLength(part) <= longestName && !unwritable.test(part));
  if (isClean && !/^[A-Za-z]:$/.test(parts[0]!)) return parts.join("/");
  throw serviceError(
    "FILE_NAME_INVALID",
    `${JSON.stringify(name.slice(0, 100))} cannot be the name of a file`,
  );
}

/** The names of files that share a folder. */
export class UploadNames {
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();

  get all(): readonly string[] {
    return [...this.#files];
  }

  /** @throws FILE_NAME_INVALID if there is a file of this name, or if a name is that of a file and of a folder */
  add(name: string): void {
    const parts = name.split("/");
    const parents = parts.slice(1).map((_, i) => parts.slice(0, i + 1).join("/"));
    if (this.#files.has(name))
      throw serviceError("FILE_NAME_INVALID", `two files are called ${JSON.stringify(name)}`);
    const both = this.#folders.has(name) ? name : parents.find((parent) => this.#files.has(parent));
    if (both !== undefined)
      throw serviceError(
        "FILE_NAME_INVALID",
        `${JSON.stringify(both)} is the name of a file and of a folder`,
      );
    this.#files.add(name);
    for (const parent of parents) this.#folders.add(parent);
  }
}
