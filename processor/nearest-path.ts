import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { nearest } from "./nearest-name.js";

/** A folder with more names is not searched: the message would wait for it. */
const mostNames = 10_000;

/**
 * Names what a path that does not exist was most likely meant to be, as the end of a message; empty when nothing is near.
 *
 * @example await didYouMean("/data/nnUNet_resluts") // "; did you mean /data/nnUNet_results?"
 */
export async function didYouMean(path: string): Promise<string> {
  let [folder, name] = [dirname(resolve(path)), basename(path)];
  while (dirname(folder) !== folder && (await stat(folder).catch(() => null)) === null)
    [folder, name] = [dirname(folder), basename(folder)];
  const names = await readdir(folder).catch(() => []);
  // A short name is near to many others.
  if (name.length < 4 || names.length > mostNames) return "";
  const near = nearest(name, names);
  return near === null ? "" : `; did you mean ${join(folder, near)}?`;
}
