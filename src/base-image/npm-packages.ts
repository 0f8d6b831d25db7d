import { createHash } from "node:crypto";
import { copyFile, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { exists } from "../../processor/files/exists.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../processor/files/partial-path.js";
import { type LayerFile, layerFile } from "../image/image-plan.js";
import { type BaseImageRecipe, listFiles } from "./recipe.js";
import { runTool } from "./run-tool.js";

/**
 * Returns the files of the recipe's npm packages, by package. npm installs the locked versions once, verifies
 * their digests and runs no scripts. The files for the image remain in the cache.
 *
 * @throws TOOL_MISSING without npm; IMAGE_BUILD_FAILED with npm's message
 */
export async function npmPackageFiles(
  recipe: BaseImageRecipe,
  cacheFolder: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, readonly LayerFile[]>>> {
  const lock = await readFile(join(recipe.npmFolder, "package-lock.json"));
  const wanted = createHash("sha256").update(lock).update(JSON.stringify(recipe.packages)).digest("hex");
  const folder = join(cacheFolder, "base-image", wanted);
  if (!(await exists(folder))) await install(recipe, folder, signal);
  const files = await Promise.all(
    Object.entries(recipe.packages).map(
      async ([name, places]) => [name, await filesOfPackage(join(folder, name), places)] as const,
    ),
  );
  return Object.fromEntries(files);
}

/** Installs the packages. The folder gets its name only when it is complete. */
async function install(recipe: BaseImageRecipe, folder: string, signal: AbortSignal): Promise<void> {
  await makeFolder(dirname(folder));
  const partial = await partialPathNextTo(folder);
  await makeFolder(partial, 0o700);
  try {
    for (const name of ["package.json", "package-lock.json"])
      await copyFile(join(recipe.npmFolder, name), join(partial, name));
    await runTool({
      command: process.platform === "win32" ? "npm.cmd" : "npm",
      args: [
        ...["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        // The image's platform may differ from the builder's. npm would refuse packages of another platform.
        ...["--force", "--os=linux", `--cpu=${cpuOf(recipe)}`, "--libc=glibc"],
      ],
      cwd: partial,
      failure: "IMAGE_BUILD_FAILED",
      install: "it comes with Node",
      signal,
    });
    for (const [name, places] of Object.entries(recipe.packages))
      for (const place of Object.keys(places)) {
        const to = join(partial, "kept", name, place);
        await makeFolder(dirname(to));
        await rename(join(partial, "node_modules", name, place), to);
      }
    await rename(join(partial, "kept"), folder).catch(keepTheFirst);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

const cpuOf = ({ platform }: BaseImageRecipe): string => (platform === "linux/amd64" ? "x64" : "arm64");

/**
 * Keeps the result of the build that finishes first, because two simultaneous builds install the same files.
 */
function keepTheFirst(error: unknown): void {
  const isThere =
    error instanceof Error && "code" in error && ["ENOTEMPTY", "EEXIST"].includes(String(error.code));
  if (!isThere) throw error;
}

async function filesOfPackage(
  folder: string,
  places: Readonly<Record<string, string>>,
): Promise<readonly LayerFile[]> {
  const files = await Promise.all(
    Object.entries(places).map(async ([place, target]) => {
      const from = join(folder, place);
      const names = (await stat(from)).isDirectory() ? await listFiles(from) : [""];
      return names
        .filter((name) => !/\.(d\.ts|map|ts)$/.test(name))
        .map((name) => withMode(join(from, name), `${target}${name && `/${name}`}`));
    }),
  );
  return files.flat();
}

const withMode = (file: string, target: string): LayerFile =>
  layerFile(target.slice(1), { file }, /\/bin\/node$|\.so(\.\d+)*$|\.node$/.test(target) ? 0o755 : 0o644);
