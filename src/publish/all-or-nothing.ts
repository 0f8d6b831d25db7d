import { rm } from "node:fs/promises";

/** Told of each file that a build has put in place. */
export type OnWritten = (path: string) => void;

/**
 * Runs a build. When it fails after some of its files are in place (an archive, and then the registry refuses the image),
 * they are taken away again: the same command can run once more, and no part of a result is taken for the whole.
 */
export async function allOrNothing<T>(build: (onWritten: OnWritten) => Promise<T>): Promise<T> {
  const written: string[] = [];
  try {
    return await build((path) => written.push(path));
  } catch (error) {
    for (const path of written) await rm(path, { force: true });
    throw error;
  }
}
