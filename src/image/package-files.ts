import { existsSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { layerPath, places } from "../../processor/contract/places.js";
import { packageRoot } from "../ground/files/package-root.js";
import { type LayerFile, layerFile } from "./image-plan.js";

/** Every import of a compiled file, and every file that it names by `new URL`, such as a worker. */
const imports = /(?:\bfrom\s*|\bimport\s*\(?\s*|\bnew URL\(\s*)"([^"\n]+)"/g;

interface Imported {
  readonly files: readonly string[];
  /** The names of packages. */
  readonly packages: ReadonlySet<string>;
}

/**
 * Returns the compiled files that entries import, also indirectly, and the packages that some of these files import.
 *
 * @param isCounted returns whether the packages of a file count; the others are in other layers
 */
export async function importedFrom(
  entries: readonly string[],
  isCounted: (file: string) => boolean,
): Promise<Imported> {
  const found = new Set(entries);
  const packages = new Set<string>();
  // A set also visits what is added while it is visited.
  for (const file of found) {
    for (const [, name = ""] of (await readFile(file, "utf8")).matchAll(imports)) {
      const path = resolve(dirname(file), name);
      if (name.startsWith(".") && existsSync(path) && statSync(path).isFile()) found.add(path);
      const packageName = /^(?:@[a-z\d~-][\w.~-]*\/)?[a-z\d~-][\w.~-]*/.exec(name)?.[0];
      if (packageName === undefined || /^(?:node|https?|file|data):/.test(name)) continue;
      if (isCounted(file)) packages.add(packageName);
    }
  }
  return { files: [...found], packages };
}

/** Returns the path of a compiled file below the folder of the program, with forward slashes. */
export const relativeTo = (folder: string, path: string): string =>
  relative(folder, path).split(sep).join("/");

/** The folder of the compiled files. */
export const compiledFolder = join(packageRoot, "dist");

/** The packages that the base image has. */
const ofBaseImage: ReadonlySet<string> = new Set(["onnxruntime-node", "onnxruntime-common", "pngjs"]);

/** Adds the packages that packages need. All of them are in one folder of this installation. */
export async function withDependencies(names: ReadonlySet<string>): Promise<readonly string[]> {
  const found = new Set([...names].filter((name) => !ofBaseImage.has(name)));
  for (const name of found) {
    const { dependencies = {} } = JSON.parse(
      await readFile(join(packageFolder(name), "package.json"), "utf8"),
    ) as { readonly dependencies?: Readonly<Record<string, string>> };
    for (const needed of Object.keys(dependencies)) if (!ofBaseImage.has(needed)) found.add(needed);
  }
  return [...found].sort();
}

/** Finds a package as Node does, in the folders above this program. */
function packageFolder(name: string): string {
  for (let folder = packageRoot; ; folder = dirname(folder)) {
    const place = join(folder, "node_modules", name);
    if (existsSync(join(place, "package.json"))) return place;
    if (folder === dirname(folder)) throw new Error(`the package ${name} is not installed`);
  }
}

/** What a package needs at run time, and its licence. */
const needed = /\.(?:[cm]?js|json|wasm)$|(?:^|\/)(?:licen[cs]e|notice)(?:\.\w+)?$/i;
/** Folders and settings of a package itself, or of one within it; the same names deeper in it can be code. */
const unneeded =
  /(?:^|node_modules\/(?:@[^/]+\/)?[^/]+\/)(?:(?:tests?|__tests__|spec|examples?|docs?|bench|benchmarks?|\.github|browser)\/|eslint\.config\.)/;

/** The one form of a package that Node loads here; its others, for browsers and other kinds of modules, take as much again. */
const loadedForm: Readonly<Record<string, RegExp>> = {
  bullmq: /^(?:dist\/cjs|node_modules)\//,
  luxon: /^build\/node\//,
  msgpackr: /^dist\/node\.cjs$/,
};

const isNeeded = (name: string, path: string): boolean =>
  needed.test(path) &&
  !unneeded.test(path) &&
  (!/\.[cm]?js$/.test(path) || (loadedForm[name]?.test(path) ?? true));

/** Lists what packages need at run time. */
export async function packageFiles(names: readonly string[]): Promise<readonly LayerFile[]> {
  const files: LayerFile[] = [];
  for (const name of names) files.push(...(await filesOfPackage(name)));
  return files;
}

async function filesOfPackage(name: string): Promise<readonly LayerFile[]> {
  const folder = packageFolder(name);
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => isNeeded(name, relativeTo(folder, file)))
    .map((file) =>
      layerFile(`${layerPath(places.anyModel.packages)}/${name}/${relativeTo(folder, file)}`, { file }),
    );
}
