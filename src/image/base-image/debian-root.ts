import { join } from "node:path";
import type { BaseImageRecipe } from "./recipe.js";
import { runTool } from "./run-tool.js";

/**
 * Writes Debian's root file system as a tar: the recipe's packages, unpacked without running anything of theirs.
 * The same packages give the same bytes; which versions they have is the mirror's choice of that day, and
 * `/var/lib/dpkg/status.d` in the image says it.
 *
 * @throws TOOL_MISSING without mmdebstrap; IMAGE_BUILD_FAILED with its words
 */
export async function writeDebianRoot(
  { folder, debian }: BaseImageRecipe,
  archive: string,
  signal?: AbortSignal,
): Promise<void> {
  await runTool({
    command: "mmdebstrap",
    args: [
      "--variant=extract",
      "--format=tar",
      // A container gets its own devices; a file of one can't be unpacked without root.
      "--skip=output/dev",
      "--architectures=amd64",
      `--include=${debian.packages.join(",")}`,
      ...debian.pathRules.map((rule) => `--dpkgopt=${rule}`),
      `--extract-hook=${join(folder, "debian-extract-hook.sh")}`,
      debian.suite,
      archive,
    ],
    env: { SOURCE_DATE_EPOCH: "0" },
    failure: "IMAGE_BUILD_FAILED",
    install:
      "install it with `sudo apt-get install mmdebstrap` (on Debian or Ubuntu), reach a registry with Debian's image, or pass --base-image",
    ...(signal === undefined ? {} : { signal }),
  });
}
