import { join, relative, sep } from "node:path";
import { ProcessorError } from "../../../processor/contract/errors.js";
import type { FileRange } from "../../../processor/files/zip/byte-range.js";

/** A folder of the cache with some of an archive's files. */
export interface ArchiveTree {
  readonly folder: string;
  /** Path or URL of the archive, as the user specified it. */
  readonly address: string;
  /** Paths in `folder` of all files of the archive, including those that do not exist there. */
  readonly paths: readonly string[];
  /** Files that are read directly from the archive and do not exist in the folder, by absolute path. */
  readonly inArchive: ReadonlyMap<string, FileRange>;
}

/** Returns the names of the files in one folder of the archive. */
export function filesIn({ folder, paths }: ArchiveTree, directory: string): readonly string[] {
  const path = relative(folder, directory).split(sep).join("/");
  const prefix = path === "" ? "" : `${path}/`;
  return paths
    .filter((file) => file.startsWith(prefix) && !file.includes("/", prefix.length))
    .map((file) => file.slice(prefix.length));
}

/** Returns the names of the folders in one folder of the archive. */
export function foldersIn({ folder, paths }: ArchiveTree, directory: string): readonly string[] {
  const path = relative(folder, directory).split(sep).join("/");
  const prefix = path === "" ? "" : `${path}/`;
  const names = paths
    .filter((file) => file.startsWith(prefix) && file.includes("/", prefix.length))
    .map((file) => file.slice(prefix.length, file.indexOf("/", prefix.length)));
  return [...new Set(names)];
}

/**
 * Runs `action`. In the messages of its errors, replaces the cache folder of an archive with the address that
 * the user specified.
 */
export async function namingArchives<T>(
  trees: readonly (ArchiveTree | null)[],
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof ProcessorError)) throw error;
    const message = trees.reduce((text, tree) => (tree === null ? text : named(text, tree)), error.message);
    if (message === error.message) throw error;
    throw error.reworded(message);
  }
}

const named = (text: string, { folder, address }: ArchiveTree): string =>
  text.replaceAll(join(folder, sep), `${address}: `).replaceAll(folder, address);
