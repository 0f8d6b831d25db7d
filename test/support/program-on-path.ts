import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Returns whether a program is installed. A test that compares with a missing program is skipped and names it. */
export const hasProgram = (name: string): boolean => programPath(name) !== null;

/** Returns the path of an installed program; null if it is missing. */
export function programPath(name: string): string | null {
  const paths = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, name));
  return paths.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs a program and returns what it prints; rejects with its error output if it fails. */
export async function outputOf(name: string, ...args: readonly string[]): Promise<string> {
  return (await execute(name, args, { maxBuffer: 1 << 26 })).stdout;
}
