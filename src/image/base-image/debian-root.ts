import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ProcessorError } from "../../../processor/errors.js";
import type { Progress } from "../../../processor/progress/progress.js";
import { architectureOf } from "../image-plan.js";
import { busyboxApplets } from "./busybox-applets.js";
import { fetchPackages } from "./fetch-packages.js";
import type { BaseImageRecipe } from "./recipe.js";
import { type RootTree, rootTar, unpackPackages } from "./root-tree.js";

export interface DebianRootOptions {
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/**
 * Debian's root file system as a tar: the recipe's packages, unpacked without root and without running anything of theirs.
 * The same packages give the same bytes on every machine; which versions they have is the mirror's choice of that
 * day, and `/var/lib/dpkg/status.d` in the image says it.
 *
 * @throws TOOL_MISSING without apt-get or dpkg-deb; IMAGE_BUILD_FAILED with their words
 */
export async function* debianRoot(
  { debian, platform }: BaseImageRecipe,
  { progress, signal }: DebianRootOptions,
): AsyncGenerator<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "nnunet-processor-debian-"));
  try {
    const packages = await fetchPackages({
      ...{ suite: debian.suite, packages: debian.packages, architecture: architectureOf(platform), folder },
      onNote: (text) => progress.note(text),
      ...(signal && { signal }),
    });
    const tree = await unpackPackages(packages, { pathRules: debian.pathRules, ...(signal && { signal }) });
    linkApplets(tree);
    yield* rootTar(tree);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same into a file. */
export const writeDebianRoot = (
  recipe: BaseImageRecipe,
  archive: string,
  options: DebianRootOptions,
): Promise<void> => pipeline(Readable.from(debianRoot(recipe, options)), createWriteStream(archive));

/** Small versions of sh, ls, cat, ps …: somebody may have to look into a container, but nothing is installed there with dpkg. */
function linkApplets(tree: RootTree): void {
  const busybox = tree.get("usr/bin/busybox");
  if (busybox?.kind !== "file")
    throw new ProcessorError("IMAGE_BUILD_FAILED", "Debian's busybox is not where it was");
  for (const applet of busyboxApplets(busybox.bytes)) {
    const path = `usr/bin/${applet}`;
    if (!tree.has(path) && !/^dpkg/.test(applet))
      tree.set(path, { kind: "symlink", target: "/usr/bin/busybox" });
  }
}
