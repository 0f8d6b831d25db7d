import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../support/golden.js";

/** The version that made the golden data. */
const nnunetVersion = "2.8.1";

/**
 * Returns the `bin` folder of a Python environment with the real nnU-Net; installs it once into `.bench/venv`
 * (several GB). `NNUNET_VENV` names one that exists already.
 */
export function nnunetBin(): string {
  const venv = process.env["NNUNET_VENV"] ?? join(repositoryRoot, ".bench", "venv");
  const bin = join(venv, "bin");
  if (!existsSync(join(bin, "nnUNetv2_predict_from_modelfolder"))) {
    console.log(`bench: installing nnunetv2 ${nnunetVersion} into ${venv} (once, several minutes) …`);
    run("python3", ["-m", "venv", venv]);
    run(join(bin, "pip"), ["install", "--quiet", `nnunetv2==${nnunetVersion}`]);
  }
  return bin;
}

function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (error !== undefined || status !== 0) {
    throw new Error(`${command} ${args.join(" ")} failed: ${error?.message ?? `exit code ${status}`}`);
  }
}
