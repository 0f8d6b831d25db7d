import { createHash } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { exists } from "../../processor/files/exists.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../processor/files/partial-path.js";
import { type LayerEntry, layerFile } from "../image/image-plan.js";
import { fetchPackages } from "./fetch-packages.js";
import { listFiles, readRecipe } from "./recipe.js";
import { type RootTree, unpackPackages } from "./root-tree.js";

/** The version in Debian 13. The C library of the base image must be at least as new. */
const pythonVersion = "3.13";

/** The interpreter, its minimal standard library, and the two libraries that the base lacks. */
const keptPaths = [
  `/usr/bin/python${pythonVersion}`,
  `/usr/lib/python${pythonVersion}/*`,
  "/usr/lib/x86_64-linux-gnu/libexpat.so.*",
  "/usr/lib/x86_64-linux-gnu/libz.so.*",
  "/usr/share/doc/*python*/copyright",
  "/usr/share/doc/libexpat1/copyright",
  "/usr/share/doc/zlib1g/copyright",
];

/** The packages whose files are kept. Their other dependencies are in the base. */
const packages: ReadonlySet<string> = new Set([
  "libexpat1",
  `libpython${pythonVersion}-minimal`,
  `python${pythonVersion}-minimal`,
  "zlib1g",
]);

/** Files that need libraries that are not included. */
const leftOut = /(^|\/)(_hashlib|_ssl)\.|\.pyc$/;

/**
 * Returns the files of Debian's python3-minimal, with the interpreter as `/usr/bin/python`: enough to run a
 * script that starts another program. The files are unpacked once and then come from the cache.
 *
 * @throws TOOL_MISSING without apt-get or dpkg-deb; IMAGE_BUILD_FAILED with their words
 */
export async function debianPython(
  cacheFolder: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<readonly LayerEntry[]> {
  const { debian } = await readRecipe();
  const key = createHash("sha256")
    .update(JSON.stringify(["packages 1", debian.suite, pythonVersion, keptPaths, [...packages]]))
    .digest("hex");
  const folder = join(cacheFolder, "base-image", `python-${key.slice(0, 16)}`);
  if (!(await exists(folder))) {
    const task = progress.start({ label: "unpacking Debian's Python", total: 1, unit: "steps" });
    try {
      await unpack(debian.suite, folder, { progress, signal });
    } finally {
      task.done();
    }
  }
  const files = (await listFiles(folder)).map((name) => {
    const isProgram = name === `usr/bin/python${pythonVersion}`;
    return layerFile(isProgram ? "usr/bin/python" : name, { file: join(folder, name) }, modeOf(name));
  });
  // Python complains on stderr if this folder is missing, even though it is empty.
  const modules = {
    kind: "directory",
    path: `usr/lib/python${pythonVersion}/lib-dynload`,
    mode: 0o755,
  } as const;
  return [...files, modules];
}

const modeOf = (name: string): number => (/^usr\/bin\/|\.so(\.|$)/.test(name) ? 0o755 : 0o644);

/** Unpacks the files. The folder gets its name only when it is complete. */
async function unpack(
  suite: string,
  folder: string,
  { progress, signal }: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<void> {
  await makeFolder(dirname(folder));
  const partial = await partialPathNextTo(folder);
  await makeFolder(partial, 0o700);
  try {
    const debs = await fetchPackages({
      suite,
      architecture: "amd64",
      packages: [`python${pythonVersion}-minimal`],
      folder: join(partial, "apt"),
      onNote: (text) => progress.note(text),
      signal,
    });
    const tree = await unpackPackages(debs, {
      pathRules: ["path-exclude=/*", ...keptPaths.map((path) => `path-include=${path}`)],
      isRecorded: (name) => packages.has(name),
      signal,
    });
    const root = join(partial, "root");
    await writeFiles(tree, root);
    await rename(root, folder).catch(keepTheFirst);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/**
 * Writes the libraries under the names that programs load, which are links in Debian. Other links are not
 * needed.
 */
async function writeFiles(tree: RootTree, root: string): Promise<void> {
  const nameByTarget = new Map<string, string>();
  for (const [path, entry] of tree)
    if (entry.kind === "symlink" && path.includes(".so."))
      nameByTarget.set(join(dirname(path), entry.target), path);
  for (const [path, entry] of tree) {
    if (entry.kind !== "file" || leftOut.test(path)) continue;
    const to = join(root, nameByTarget.get(path) ?? path);
    await makeFolder(dirname(to));
    await writeFile(to, entry.bytes, { flag: "wx" });
  }
}

/**
 * Keeps the result of the build that finishes first, because two simultaneous builds unpack the same files.
 */
function keepTheFirst(error: unknown): void {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (!["ENOTEMPTY", "EEXIST"].includes(code)) throw error;
}
