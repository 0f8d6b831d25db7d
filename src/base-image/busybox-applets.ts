import { builderError } from "../ground/errors/builder-errors.js";

/**
 * Returns the names of the programs that a busybox contains: `sh`, `ls`, `cat`, …
 *
 * The names are read from the table in the program file, in which each name ends with a zero byte and `[` is
 * the first (busybox, `applets/applet_tables.c`). Asking busybox itself would require a machine of its
 * architecture.
 *
 * @throws IMAGE_BUILD_FAILED for a program without such a table
 */
export function busyboxApplets(program: Buffer): readonly string[] {
  const start = program.indexOf("\0[\0[[\0", 0, "latin1") + 1;
  const end = program.indexOf("\0\0", start, "latin1");
  const names = start === 0 || end < 0 ? [] : program.toString("latin1", start, end).split("\0");
  const isTable = names.includes("sh") && names.every((name) => /^[a-z0-9[._+-]+$/.test(name));
  if (isTable) return names;
  throw builderError("IMAGE_BUILD_FAILED", "Debian's busybox has no table of its programs");
}
