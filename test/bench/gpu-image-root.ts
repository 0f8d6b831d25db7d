import { chmodSync, copyFileSync, linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createLineProgress } from "../../processor/contract/progress/line-progress.js";
import { planBaseImage } from "../../src/base-image/base-image-plan.js";
import { npmPackageFiles } from "../../src/base-image/npm-packages.js";
import { indexFinder } from "../../src/base-image/python-index.js";
import { listFiles, readRecipe } from "../../src/base-image/recipe.js";
import type { BaseVariant } from "../../src/base-image/variants.js";
import { wheelLayers } from "../../src/base-image/wheel-layers.js";
import { programVersion } from "../../src/ground/files/package-root.js";
import type { LayerFile } from "../../src/image/image-plan.js";
import { listProcessorFiles } from "../../src/image/processor-files.js";
import { cacheFolder } from "../../src/model-source/cache-folder.js";
import { neverStopped } from "../support/never-stopped.js";

export interface ImageRoot {
  /** The command that starts the processor as the image does. */
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Writes the files of a base image below a folder, so that its processor runs on a GPU machine without Docker: with the
 * image's Node, ONNX Runtime and libraries, on the machine's own Linux.
 *
 * @param wheelFolder a folder that has the wheels already; null to download them
 */
export async function layImageRoot(
  variant: BaseVariant,
  folder: string,
  wheelFolder: string | null,
): Promise<ImageRoot> {
  const recipe = await readRecipe(variant);
  const cache = cacheFolder(process.env);
  const progress = createLineProgress({ write: (line) => console.log(line), now: () => performance.now() });
  const plan = planBaseImage({
    recipe,
    base: { kind: "image", imageName: recipe.debian.image },
    packageFiles: await npmPackageFiles(recipe, cache, neverStopped()),
    wheelLayers: await wheelLayers(recipe.wheels, {
      ...{ cacheFolder: cache, wheelFolder, progress },
      findIndex: indexFinder(process.env, neverStopped()),
      signal: neverStopped(),
    }),
    rootFiles: await listFiles(join(recipe.folder, "root")),
    processorFiles: await listProcessorFiles(),
    version: await programVersion(),
  });
  rmSync(folder, { recursive: true, force: true });
  for (const entry of plan.layers.flatMap(({ entries }) => entries))
    if (entry.kind === "file") layFile(entry, folder);
  const [node, ...rest] = plan.entrypoint;
  // Some machines name the folder of the driver's library only in this variable.
  const libraries = [join(folder, "usr/lib/x86_64-linux-gnu"), process.env["LD_LIBRARY_PATH"] ?? ""];
  return {
    command: [join(folder, node!), ...rest.map((path) => join(folder, path))],
    env: { ...process.env, ...plan.env, LD_LIBRARY_PATH: libraries.filter((path) => path !== "").join(":") },
  };
}

function layFile({ path, source, mode }: LayerFile, folder: string): void {
  const target = join(folder, path);
  mkdirSync(dirname(target), { recursive: true });
  if ("text" in source) {
    writeFileSync(target, source.text);
  } else if (mode === 0o644) {
    try {
      linkSync(source.file, target);
      return; // a link has the mode of what it links
    } catch {
      copyFileSync(source.file, target); // another disk
    }
  } else {
    copyFileSync(source.file, target);
  }
  chmodSync(target, mode);
}
