import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Returns whether a program is installed. A test that compares with a missing program is skipped and names it. */
export const hasProgram = (name: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** Runs a program and returns what it prints; rejects with its error output if it fails. */
export async function outputOf(name: string, ...args: readonly string[]): Promise<string> {
  return (await execute(name, args, { maxBuffer: 1 << 26 })).stdout;
}
