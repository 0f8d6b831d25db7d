import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { sharedError } from "../../contract/shared-errors.js";
import { exists } from "../../files/exists.js";
import { dicomError } from "./errors.js";

const mostFiles = 200_000;

/**
 * Lists the files of a folder and its subfolders, in byte order of their paths. A DICOMDIR stands for its folder; it is
 * not read, because the paths in it may lead anywhere. Symbolic links out of the folder are not followed.
 *
 * @throws INPUT_NOT_FOUND, DICOM_TOO_LARGE
 */
export async function listFiles(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch((cause: unknown) => {
    throw sharedError("INPUT_NOT_FOUND", `${basename(path)} does not exist or cannot be read`, { cause });
  });
  if (found.isFile() && !isDicomdirName(basename(path))) return [path];
  return listFolderFiles(found.isDirectory() ? path : dirname(path));
}

/** Returns whether a name is that of a DICOMDIR, also with the version that ISO 9660 adds and some copies keep: DICOMDIR.;1. */
export const isDicomdirName = (name: string): boolean => /^dicomdir\.?(?:;1)?$/i.test(name);

async function listFolderFiles(root: string): Promise<readonly string[]> {
  const inside = `${await realpath(root)}${sep}`;
  const files: string[] = [];
  for (const folders = [root]; folders.length > 0; ) {
    const folder = folders.pop()!;
    const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
      throw sharedError("INPUT_NOT_FOUND", `the folder ${basename(folder)} cannot be read`, { cause });
    });
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.name.includes("\ufffd") && !(await exists(path)))
        throw sharedError(
          "INPUT_NOT_FOUND",
          `${entry.name} cannot be opened, because its name is not in UTF-8; rename it`,
        );
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile() || (entry.isSymbolicLink() && (await isFileInside(path, inside))))
        files.push(path);
      if (files.length + folders.length > mostFiles)
        throw dicomError("DICOM_TOO_LARGE", `${basename(root)} has more than ${mostFiles} files`);
    }
  }
  const key = (path: string): Buffer => Buffer.from(relative(root, path));
  return files
    .map((path) => ({ path, key: key(path) }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ path }) => path);
}

async function isFileInside(link: string, inside: string): Promise<boolean> {
  const target = await realpath(link).catch(() => null);
  return target?.startsWith(inside) === true && (await stat(target)).isFile();
}
