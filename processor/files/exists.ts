import { stat } from "node:fs/promises";

/** Returns whether a path leads to something, through links. */
export const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => null)) !== null;

/** Returns whether a path leads to a regular file, through links. */
export const isFile = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null))?.isFile() === true;
