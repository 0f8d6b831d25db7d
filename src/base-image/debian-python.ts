import { createHash } from "node:crypto";
import { rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../processor/files/partial-path.js";
import { type LayerEntry, layerFile } from "../image/image-plan.js";
import { fetchPackages } from "./fetch-packages.js";
import { listFiles, readRecipe } from "./recipe.js";
import { type RootTree, unpackPackages } from "./root-tree.js";

/** Of Debian 13; the base image's C library must be as new. */
const pythonVersion = "3.13";

/** Interpreter, its own small standard library, and the two libraries that the base lacks. */
const keptPaths = [
  `/usr/bin/python${pythonVersion}`,
  `/usr/lib/python${pythonVersion}/*`,
  "/usr/lib/x86_64-linux-gnu/libexpat.so.*",
  "/usr/lib/x86_64-linux-gnu/libz.so.*",
  "/usr/share/doc/*python*/copyright",
  "/usr/share/doc/libexpat1/copyright",
  "/usr/share/doc/zlib1g/copyright",
];

/** The packages whose files are kept; their other dependencies are in the base. */
const packages: ReadonlySet<string> = new Set([
  "libexpat1",
  `libpython${pythonVersion}-minimal`,
  `python${pythonVersion}-minimal`,
  "zlib1g",
]);

/** What needs libraries that are left out. */
const leftOut = /(^|\/)(_hashlib|_ssl)\.|\.pyc$/;

/**
 * Files of Debian's python3-minimal, with the interpreter as `/usr/bin/python`: enough to run a script that starts
 * another program. They are unpacked once and come from the cache from then on.
 *
 * @throws TOOL_MISSING without apt-get or dpkg-deb; IMAGE_BUILD_FAILED with their words
 */
export async function debianPython(
  cacheFolder: string,
  progress: Progress,
  signal?: AbortSignal,
): Promise<readonly LayerEntry[]> {
  const { debian } = await readRecipe();
  const key = createHash("sha256")
    .update(JSON.stringify(["packages 1", debian.suite, pythonVersion, keptPaths, [...packages]]))
    .digest("hex");
  const folder = join(cacheFolder, "base-image", `python-${key.slice(0, 16)}`);
  if ((await stat(folder).catch(() => null)) === null) {
    const task = progress.start({ label: "unpacking Debian's Python", total: 1, unit: "steps" });
    try {
      await unpack(debian.suite, folder, { progress, ...(signal && { signal }) });
    } finally {
      task.done();
    }
  }
  const files = (await listFiles(folder)).map((name) => {
    const isProgram = name === `usr/bin/python${pythonVersion}`;
    return layerFile(isProgram ? "usr/bin/python" : name, { file: join(folder, name) }, modeOf(name));
  });
  // Without this folder, though nothing is in it, Python complains on stderr.
  const modules = {
    kind: "directory",
    path: `usr/lib/python${pythonVersion}/lib-dynload`,
    mode: 0o755,
  } as const;
  return [...files, modules];
}

const modeOf = (name: string): number => (/^usr\/bin\/|\.so(\.|$)/.test(name) ? 0o755 : 0o644);

/** The folder appears under its name only when it is complete. */
async function unpack(
  suite: string,
  folder: string,
  { progress, signal }: { readonly progress: Progress; readonly signal?: AbortSignal },
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
      ...(signal && { signal }),
    });
    const tree = await unpackPackages(debs, {
      pathRules: ["path-exclude=/*", ...keptPaths.map((path) => `path-include=${path}`)],
      isRecorded: (name) => packages.has(name),
      ...(signal && { signal }),
    });
    const root = join(partial, "root");
    await writeFiles(tree, root);
    await rename(root, folder).catch(keepTheFirst);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Libraries get the name by which programs ask for them, which is a link in Debian; other links are not needed. */
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

/** Two builds at once unpack the same files; the first to finish is kept. */
function keepTheFirst(error: unknown): void {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (!["ENOTEMPTY", "EEXIST"].includes(code)) throw error;
}
