import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { exists } from "../../processor/files/exists.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../processor/files/partial-path.js";
import { makeTemporaryFolder } from "../../processor/files/temporary-folder.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { architectureOf } from "../image/image-plan.js";
import { busyboxApplets } from "./busybox-applets.js";
import { fetchPackages } from "./fetch-packages.js";
import type { BaseImageRecipe } from "./recipe.js";
import { type RootTree, rootTar, unpackPackages } from "./root-tree.js";

export interface DebianRootOptions {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Yields Debian's root file system as a tar: the recipe's packages, unpacked without root privileges and
 * without running their scripts. The same packages give the same bytes on every machine. The versions are the
 * mirror's current ones; `/var/lib/dpkg/status.d` in the image records them.
 *
 * @throws TOOL_MISSING without apt-get or dpkg-deb; IMAGE_BUILD_FAILED with their words
 */
export async function* debianRoot(
  { debian, platform }: BaseImageRecipe,
  { progress, signal }: DebianRootOptions,
): AsyncGenerator<Uint8Array> {
  const folder = await makeTemporaryFolder("debian", null);
  try {
    const packages = await fetchPackages({
      suite: debian.suite,
      packages: debian.packages,
      architecture: architectureOf(platform),
      folder,
      onNote: (text) => progress.note(text),
      signal,
    });
    const tree = await unpackPackages(packages, { pathRules: debian.pathRules, signal });
    linkApplets(tree);
    yield* rootTar(tree);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Returns the tar as a file in the cache. It is created once for both builders, so that both use the same
 * Debian.
 *
 * @returns the path of the tar
 */
export async function cachedDebianRoot(
  recipe: BaseImageRecipe,
  { cacheFolder, ...options }: DebianRootOptions & { readonly cacheFolder: string },
): Promise<string> {
  const key = createHash("sha256").update(debianRootKey(recipe)).digest("hex").slice(0, 16);
  const file = join(cacheFolder, "base-image", `debian-${key}.tar`);
  if (await exists(file)) return file;
  await makeFolder(dirname(file));
  const partial = await partialPathNextTo(file);
  try {
    await writeDebianRoot(recipe, partial, options);
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
  return file;
}

/**
 * Everything that determines the bytes of the tar, except the state of the mirror. The number must be raised
 * when unpacking changes.
 */
export const debianRootKey = ({ debian, platform }: BaseImageRecipe): string =>
  JSON.stringify(["packages 1", platform, debian]);

/** Writes the tar to a file. */
export const writeDebianRoot = (
  recipe: BaseImageRecipe,
  archive: string,
  options: DebianRootOptions,
): Promise<void> => pipeline(Readable.from(debianRoot(recipe, options)), createWriteStream(archive));

/** Links small versions of sh, ls, cat, ps, … for people who inspect a container. Does not link dpkg. */
function linkApplets(tree: RootTree): void {
  const busybox = tree.get("usr/bin/busybox");
  if (busybox?.kind !== "file")
    throw builderError("IMAGE_BUILD_FAILED", "Debian's busybox is not at /usr/bin/busybox");
  for (const applet of busyboxApplets(busybox.bytes)) {
    const path = `usr/bin/${applet}`;
    if (!tree.has(path) && !/^dpkg/.test(applet))
      tree.set(path, { kind: "symlink", target: "/usr/bin/busybox" });
  }
}
