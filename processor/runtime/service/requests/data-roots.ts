import { realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { serviceError } from "../errors.js";

/** The folders whose files requests may name. */
export class DataRoots {
  /** Absolute, with symbolic links followed. */
  readonly folders: readonly string[];

  constructor(folders: readonly string[]) {
    this.folders = folders;
  }

  /** @throws SERVICE_USAGE for a folder that does not exist */
  static async open(folders: readonly string[]): Promise<DataRoots> {
    const found: string[] = [];
    for (const folder of folders)
      found.push(
        await realpath(folder).catch((cause: unknown) => {
          throw serviceError("SERVICE_USAGE", `--data-root ${folder} does not exist`, { cause });
        }),
      );
    return new DataRoots(found);
  }

  /**
   * Returns the real path of a file or folder below a study.
   *
   * @throws PATH_MODE_OFF without a root; PATH_FORBIDDEN if the path is not below one, or does not exist
   */
  async resolveExisting(path: string, from: string): Promise<string> {
    this.#requireRoots();
    const wanted = absoluteOrFail(path, from);
    const real = await realpath(wanted).catch(() => null);
    // The same answer for both, so that nobody can find out which files exist elsewhere.
    if (real === null || !this.#holds(real)) throw forbidden(path);
    return real;
  }

  /** Returns the path of a folder that may not exist yet, with the links of its existing parents followed. */
  async resolveNew(path: string): Promise<string> {
    this.#requireRoots();
    const wanted = absoluteOrFail(path, "/");
    let existing = wanted;
    let real = await realpath(existing).catch(() => null);
    while (real === null && dirname(existing) !== existing) {
      existing = dirname(existing);
      real = await realpath(existing).catch(() => null);
    }
    const found = join(real!, relative(existing, wanted));
    if (!this.#holds(found)) throw forbidden(path);
    return found;
  }

  #requireRoots(): void {
    if (this.folders.length === 0)
      throw serviceError("PATH_MODE_OFF", "this server takes no paths, because it has no data root");
  }

  #holds(path: string): boolean {
    return this.folders.some((root) => isInside(path, root));
  }
}

/** Returns whether a real path is a folder or something in it. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!isAbsolute(way) && way !== ".." && !way.startsWith(`..${sep}`));
}

function absoluteOrFail(path: string, from: string): string {
  if (path.includes("\0") || path.trim() === "") throw forbidden(path);
  return resolve(from, path);
}

const forbidden = (path: string) =>
  serviceError("PATH_FORBIDDEN", `${JSON.stringify(path.slice(0, 200))} is not in the server's data roots`);
