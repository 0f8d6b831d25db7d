import { realpath, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize, relative, sep } from "node:path";
import type { ProcessorError } from "../../contract/errors.js";
import { longestPath } from "../../contract/longest-path.js";
import { sharedError } from "../../contract/shared-errors.js";
import { imageError } from "../errors.js";

/**
 * Returns the paths of the voxel files that a header names, which are in the header's folder or below it.
 *
 * A header may come from a stranger. With a path to another place, it could make the program read a file that its
 * sender must not see, and show that file as voxels. Links that lead out of the folder are refused for the same reason.
 * A file may be named once only, because each time would take memory for all its bytes.
 *
 * @param endings to add to a name, in the order in which they are tried; "" for the name as it is
 * @throws IMAGE_UNSUPPORTED for a path that leads out of the folder, INPUT_NOT_FOUND for a file that does not exist
 */
export async function findDataFiles(
  headerPath: string,
  names: readonly string[],
  endings: readonly string[] = [""],
): Promise<readonly string[]> {
  // If the header is a link, its files are next to the link or next to the link's target.
  const roots = [await realpath(dirname(headerPath)), dirname(await realpath(headerPath))];
  const seen = new Set<string>();
  const paths: string[] = [];
  for (const name of names) {
    const { path, target } = await findDataFile(headerPath, name, endings);
    if (roots.every((root) => leadsOut(relative(root, target)))) throw outsideError(headerPath, name);
    if (seen.has(target)) throw imageError("IMAGE_INVALID", `${headerPath} names ${name} twice`);
    seen.add(target);
    paths.push(path);
  }
  return paths;
}

async function findDataFile(headerPath: string, name: string, endings: readonly string[]) {
  if (name.length > longestPath)
    throw imageError(
      "IMAGE_INVALID",
      `${headerPath} names a voxel file in ${name.length} characters; a path may have up to ${longestPath}`,
    );
  if (name.includes("\0") || isAbsolute(name) || leadsOut(normalize(name)))
    throw outsideError(headerPath, name);
  const path = join(dirname(headerPath), name);
  for (const ending of endings) {
    const target = await realpath(`${path}${ending}`).catch(() => null);
    if (target !== null && (await stat(target)).isFile()) return { path: `${path}${ending}`, target };
  }
  throw sharedError(
    "INPUT_NOT_FOUND",
    `${headerPath} names ${name} as the file with its voxels, but ${path} is not a readable file`,
  );
}

const leadsOut = (path: string): boolean => path === ".." || path.startsWith(`..${sep}`) || isAbsolute(path);

const outsideError = (headerPath: string, name: string): ProcessorError =>
  imageError(
    "IMAGE_UNSUPPORTED",
    `${headerPath} names ${name} as the file with its voxels, but only files in the header's folder and below it are read; move the file there and name it without a path`,
  );
