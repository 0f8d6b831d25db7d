import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { nearest } from "../contract/nearest-name.js";
import { exists } from "./exists.js";

/** The most names of a folder that is searched; more would delay the message. */
const mostNames = 10_000;

/**
 * Returns the end of a message that suggests a similar path for a path that does not exist; empty if no path is
 * similar.
 *
 * @example await didYouMean("/data/nnUNet_resluts") // "; did you mean /data/nnUNet_results?"
 */
export async function didYouMean(path: string): Promise<string> {
  let [folder, name] = [dirname(resolve(path)), basename(path)];
  while (dirname(folder) !== folder && !(await exists(folder)))
    [folder, name] = [dirname(folder), basename(folder)];
  const names = await readdir(folder).catch(() => []);
  // Short names are similar to many others.
  if (name.length < 4 || names.length > mostNames) return "";
  const near = nearest(name, names);
  return near === null ? "" : `; did you mean ${join(folder, near)}?`;
}
