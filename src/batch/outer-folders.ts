import { sep } from "node:path";

/**
 * Returns the folders that hold all others, without those inside another.
 *
 * @example outerFolders(["/data/a", "/data", "/other/b"]) // ["/data", "/other/b"]
 */
export function outerFolders(folders: readonly string[]): readonly string[] {
  const outer: string[] = [];
  for (const folder of [...new Set(folders)].sort())
    if (!outer.some((one) => folder.startsWith(one.endsWith(sep) ? one : `${one}${sep}`))) outer.push(folder);
  return outer;
}
