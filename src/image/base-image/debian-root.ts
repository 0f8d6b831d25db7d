import { chmod } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ProcessorError } from "../../../processor/errors.js";
import { architectureOf } from "../image-plan.js";
import type { BaseImageRecipe } from "./recipe.js";
import { runTool } from "./run-tool.js";

/**
 * Writes Debian's root file system as a tar, alone in its folder: the recipe's packages, unpacked without running anything of theirs.
 * The same packages give the same bytes; which versions they have is the mirror's choice of that day, and
 * `/var/lib/dpkg/status.d` in the image says it.
 *
 * @throws BASE_IMAGE_MISSING for another architecture than this machine's; TOOL_MISSING without mmdebstrap; IMAGE_BUILD_FAILED with its words
 */
export async function writeDebianRoot(
  { folder, debian, platform }: BaseImageRecipe,
  archive: string,
  signal?: AbortSignal,
): Promise<void> {
  const architecture = architectureOf(platform);
  if (architecture === "arm64" && process.arch !== "arm64")
    throw new ProcessorError(
      "BASE_IMAGE_MISSING",
      "Debian for linux/arm64 comes from a registry only, and none gives it; build on an arm64 machine, or upon another image with `build_processor --base-image NAME`",
    );
  const onFailure = {
    failure: "IMAGE_BUILD_FAILED",
    install:
      "install it with `sudo apt-get install mmdebstrap fakeroot` (on Debian or Ubuntu), reach a registry with Debian's image, or build upon another image with `build_processor --base-image NAME`",
    ...(signal === undefined ? {} : { signal }),
  } as const;
  await runTool({ command: "mmdebstrap", args: ["--version"], ...onFailure });
  await chmod(dirname(archive), 0o755); // apt fetches as a user of its own
  // Nothing is run in the new root, so that without root it takes no more than owners that are kept in mind.
  const isRoot = process.getuid?.() === 0;
  await runTool({
    command: isRoot ? "mmdebstrap" : "fakeroot",
    args: [
      ...(isRoot ? [] : ["mmdebstrap", "--mode=chrootless"]),
      "--variant=extract",
      "--format=tar",
      // A container gets its own devices; a file of one can't be unpacked without root.
      "--skip=output/dev",
      `--architectures=${architecture}`,
      `--include=${debian.packages.join(",")}`,
      ...debian.pathRules.map((rule) => `--dpkgopt=${rule}`),
      `--extract-hook=${join(folder, "debian-extract-hook.sh")}`,
      debian.suite,
      archive,
    ],
    // What an interrupted run leaves behind goes with the folder.
    env: { SOURCE_DATE_EPOCH: "0", TMPDIR: dirname(archive) },
    ...onFailure,
  });
}
