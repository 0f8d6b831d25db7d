import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** True when a program is installed: a test that needs it as a peer is skipped by name without it. */
export const hasProgram = (name: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** What a program prints; rejects with its error output when it fails. */
export async function outputOf(name: string, ...args: readonly string[]): Promise<string> {
  return (await execute(name, args, { maxBuffer: 1 << 26 })).stdout;
}
