import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/**
 * Returns the program of FastSegmentator (the Python package `fastsegmentator` 0.1.1, Apache-2.0) in the environment that
 * `FASTSEG_VENV` names. It needs an environment of its own: it wants torch 2.5.1, cupy, cucim and an older network package
 * than nnU-Net.
 *
 * @returns null if the variable is not set
 * @throws Error if the environment does not have the program, or it does not start
 */
export function findFastSegmentator(environment: NodeJS.ProcessEnv): string | null {
  const venv = environment["FASTSEG_VENV"] ?? "";
  if (venv === "") return null;
  const program = join(venv, "bin", "FastSegmentator");
  if (!existsSync(program))
    throw new Error(`FASTSEG_VENV: ${program} does not exist; pip install fastsegmentator==0.1.1 makes it`);
  execFileSync(program, ["nnunet", "--help"], { stdio: ["ignore", "ignore", "inherit"] });
  return program;
}
