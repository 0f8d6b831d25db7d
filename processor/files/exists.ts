import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";

/**
 * Returns whether a path leads to something, through links.
 *
 * @throws the system's error if a folder on the way is closed to this account, which is not the same as a missing file
 */
export const exists = async (path: string): Promise<boolean> => (await found(path)) !== null;

/** Does the same, and asks whether it is a regular file. */
export const isFile = async (path: string): Promise<boolean> => (await found(path))?.isFile() === true;

/** Does the same, and asks whether it is a folder. */
export const isFolder = async (path: string): Promise<boolean> => (await found(path))?.isDirectory() === true;

const found = (path: string): Promise<Stats | null> =>
  stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EACCES" || error.code === "EPERM") throw error;
    return null;
  });

/**
 * Returns null instead of an error for a file or folder that does not exist. Any other error stays one, so that a folder that
 * this account may not list does not count as an empty one.
 *
 * @example await ifPresent(readdir(folder))
 */
export const ifPresent = <T>(action: Promise<T>): Promise<T | null> =>
  action.catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
