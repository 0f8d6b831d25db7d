import { ProcessorError } from "../../../processor/errors.js";

/**
 * The programs that a busybox is, by name: `sh`, `ls`, `cat`, …
 *
 * Read from the table in its program file, where the names are side by side, each ended by a zero byte, `[` first
 * (busybox, `applets/applet_tables.c`). Asking the program itself would need a machine that it runs on.
 *
 * @throws IMAGE_BUILD_FAILED for a program without such a table
 */
export function busyboxApplets(program: Buffer): readonly string[] {
  const start = program.indexOf("\0[\0[[\0", 0, "latin1") + 1;
  const end = program.indexOf("\0\0", start, "latin1");
  const names = start === 0 || end < 0 ? [] : program.toString("latin1", start, end).split("\0");
  const isTable = names.includes("sh") && names.every((name) => /^[a-z0-9[._+-]+$/.test(name));
  if (isTable) return names;
  throw new ProcessorError("IMAGE_BUILD_FAILED", "Debian's busybox has no table of its programs");
}
