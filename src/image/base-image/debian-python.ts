import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Progress } from "../../../processor/progress/progress.js";
import { type LayerEntry, layerFile } from "../image-plan.js";
import { readTar } from "../oci/read-tar.js";
import { listFiles, readRecipe } from "./recipe.js";
import { runTool } from "./run-tool.js";

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

/** Where scanners look for what is installed, in an image without a package manager. */
const packageRecords = "var/lib/dpkg/status.d";

const packages = [
  "libexpat1",
  `libpython${pythonVersion}-minimal`,
  `python${pythonVersion}-minimal`,
  "zlib1g",
];

/** Runs after the packages are unpacked; `$1` is the folder that they are unpacked in. */
const recordPackages = [
  `mkdir -p "$1/${packageRecords}"`,
  `for p in ${packages.join(" ")}`,
  `do dpkg-deb --field "$1"/var/cache/apt/archives/"$p"_*.deb > "$1/${packageRecords}/$p" || exit 1`,
  "done",
].join("; ");

/** What needs libraries that are left out. */
const leftOut = /(^|\/)(_hashlib|_ssl)\.|\.pyc$/;

/**
 * Files of Debian's python3-minimal, with the interpreter as `/usr/bin/python`: enough to run a script that starts
 * another program. They are unpacked once and come from the cache from then on.
 *
 * @throws TOOL_MISSING without mmdebstrap; IMAGE_BUILD_FAILED with its words
 */
export async function debianPython(
  cacheFolder: string,
  progress: Progress,
  signal?: AbortSignal,
): Promise<readonly LayerEntry[]> {
  const { debian } = await readRecipe();
  const key = createHash("sha256")
    .update(JSON.stringify([debian.suite, pythonVersion, keptPaths, recordPackages]))
    .digest("hex");
  const folder = join(cacheFolder, "base-image", `python-${key.slice(0, 16)}`);
  if ((await stat(folder).catch(() => null)) === null) {
    const task = progress.start({ label: "unpacking Debian's Python", total: 1, unit: "steps" });
    try {
      await unpack(debian.suite, folder, signal);
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
async function unpack(suite: string, folder: string, signal?: AbortSignal): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const partial = await mkdtemp(`${folder}.partial-`);
  try {
    const archive = join(partial, "python.tar");
    await runTool({
      command: "mmdebstrap",
      args: [
        ...["--variant=extract", "--format=tar", "--skip=output/dev", "--architectures=amd64"],
        `--include=python${pythonVersion}-minimal`,
        "--dpkgopt=path-exclude=/*",
        ...keptPaths.map((path) => `--dpkgopt=path-include=${path}`),
        `--extract-hook=${recordPackages}`,
        ...[suite, archive],
      ],
      env: { SOURCE_DATE_EPOCH: "0" },
      failure: "IMAGE_BUILD_FAILED",
      install:
        "install it with `sudo apt-get install mmdebstrap`: the image for AMOS22 needs Debian's Python",
      ...(signal === undefined ? {} : { signal }),
    });
    const root = join(partial, "root");
    await takeFiles(archive, root);
    await rename(root, folder).catch(keepTheFirst);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Libraries get the name by which programs ask for them, which is a link in Debian; other links are not needed. */
async function takeFiles(archive: string, root: string): Promise<void> {
  const nameByTarget = new Map<string, string>();
  const files: string[] = [];
  for await (const { path, kind, linkTarget, bytes } of readTar(createReadStream(archive))) {
    const name = path.replace(/^\.\//, "");
    if (!/^(usr|var\/lib\/dpkg\/status\.d)\//.test(name) || leftOut.test(name)) continue;
    if (kind === "symlink" && name.includes(".so.")) nameByTarget.set(join(dirname(name), linkTarget), name);
    if (kind !== "file") continue;
    await mkdir(dirname(join(root, name)), { recursive: true });
    await pipeline(bytes, createWriteStream(join(root, name), { flags: "wx" }));
    files.push(name);
  }
  for (const name of files) {
    const link = nameByTarget.get(name);
    if (link !== undefined) await rename(join(root, name), join(root, link));
  }
}

/** Two builds at once unpack the same files; the first to finish is kept. */
function keepTheFirst(error: unknown): void {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (!["ENOTEMPTY", "EEXIST"].includes(code)) throw error;
}
