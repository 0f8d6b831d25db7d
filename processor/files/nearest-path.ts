import { readdir, stat } from "node:fs/promises";
import { join, parse, resolve, sep } from "node:path";
import { nearest } from "../contract/nearest-name.js";

/** The most names of a folder that is searched; more would delay the message. */
const mostNames = 10_000;

/**
 * Returns the end of a message about a path of the user that does not exist: the whole path that was probably meant, or else
 * where the path leaves what exists. Empty if only its last part is missing, and nothing has a similar name.
 *
 * @example await didYouMean("/data/nnUNet_resluts/liver") // "; did you mean /data/nnUNet_results/liver?" if that exists
 * @example await didYouMean("/data/nnUNet_resluts/lung") // "; there is no /data/nnUNet_resluts, but there is /data/nnUNet_results"
 */
export async function didYouMean(path: string): Promise<string> {
  const { present, missing } = await split(path);
  const [first, ...rest] = missing;
  if (first === undefined) return "";
  const similar = await similarPath(present, first, { isFolder: rest.length > 0 });
  let whole = similar;
  for (const [i, name] of rest.entries())
    if (whole !== null) whole = await similarPath(whole, name, { isFolder: i < rest.length - 1 });
  if (whole !== null) return `; did you mean ${whole}?`;
  if (rest.length === 0) return "";
  return `; there is no ${join(present, first)}${similar === null ? "" : `, but there is ${similar}`}`;
}

/** Splits a path after the last folder that exists. */
async function split(
  path: string,
): Promise<{ readonly present: string; readonly missing: readonly string[] }> {
  const { root } = parse(resolve(path));
  const missing = resolve(path)
    .slice(root.length)
    .split(sep)
    .filter((name) => name !== "");
  let present = root;
  while (missing.length > 0 && (await leadsTo(join(present, missing[0]!))) !== null)
    present = join(present, missing.shift()!);
  return { present, missing };
}

/** Returns the path of a name in a folder, or of the most similar name; null if none is similar. */
async function similarPath(
  folder: string,
  name: string,
  wanted: { readonly isFolder: boolean },
): Promise<string | null> {
  if ((await leadsTo(join(folder, name))) !== null) return join(folder, name);
  const names = await readdir(folder).catch(() => []);
  // Short names are similar to many others.
  if (name.length < 4 || names.length > mostNames) return null;
  const near = nearest(name, names, name.length < 12 ? 2 : 3);
  if (near === null || (wanted.isFolder && (await leadsTo(join(folder, near))) !== "folder")) return null;
  return join(folder, near);
}

/** Returns what a path leads to; null for nothing, and for what this account may not see. */
const leadsTo = (path: string): Promise<"folder" | "file" | null> =>
  stat(path).then(
    (found) => (found.isDirectory() ? "folder" : "file"),
    () => null,
  );
