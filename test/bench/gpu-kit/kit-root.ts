import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { repositoryRoot } from "../../support/golden.js";
import type { ImageRoot } from "../gpu-image-root.js";

/**
 * Returns the processor of an unpacked kit. It uses the CUDA libraries of the machine's torch, because the image's own
 * would make the kit ten times as large.
 *
 * @param peerBin the `bin` folder of the environment with torch; null if there is none
 */
export function kitRoot(peerBin: string | null): ImageRoot {
  const libraries = peerBin === null ? "" : librariesOfTorch(join(peerBin, "python"));
  const paths = [libraries, process.env["LD_LIBRARY_PATH"] ?? ""].filter((path) => path !== "");
  return {
    command: [
      join(repositoryRoot, "bin", "node"),
      join(repositoryRoot, "dist", "processor", "runtime", "main.js"),
    ],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: "1", LD_LIBRARY_PATH: paths.join(":") },
  };
}

function librariesOfTorch(python: string): string {
  const script = [
    "import glob, importlib.util",
    "found = importlib.util.find_spec('nvidia')",
    "folders = [] if found is None else list(found.submodule_search_locations)",
    "print(':'.join(lib for folder in folders for lib in glob.glob(folder + '/*/lib') + glob.glob(folder + '/lib')))",
  ].join("\n");
  return execFileSync(python, ["-c", script], { encoding: "utf8" }).trim();
}
