import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { type ImageInput, placeOf } from "../cases/case.js";
import { fileDigest } from "./file-digest.js";

/** An input with its SHA-256. */
export interface InputDigest {
  readonly path: string;
  readonly sha256: string;
}

/** Returns the digest of each input. A folder's is that of the names and digests of its files. */
export async function inputDigests(
  inputs: readonly ImageInput[],
  signal: AbortSignal,
): Promise<readonly InputDigest[]> {
  const digests: InputDigest[] = [];
  for (const input of inputs)
    digests.push({ path: placeOf(input), sha256: await digestOf(input.path, signal) });
  return digests;
}

async function digestOf(path: string, signal: AbortSignal): Promise<string> {
  if (!(await stat(path)).isDirectory()) return fileDigest(path, signal);
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hash = createHash("sha256");
  for (const file of files.sort()) hash.update(`${relative(path, file)} ${await fileDigest(file, signal)}\n`);
  return hash.digest("hex");
}
