import { basename } from "node:path";
import { buffer } from "node:stream/consumers";
import { readTar, type TarEntry } from "../../processor/files/tar/read-tar.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { tarEnd, tarHeader, tarPadding } from "../oci/tar-header.js";
import { toolOutput } from "./run-tool.js";

/** One entry of a root file system in memory. Its path does not start with a slash. */
export type RootEntry =
  | { readonly kind: "directory"; readonly mode: number }
  | { readonly kind: "file"; readonly mode: number; readonly bytes: Buffer }
  | { readonly kind: "symlink"; readonly target: string };

export type RootTree = Map<string, RootEntry>;

/** The folder in which scanners look for installed packages in an image without a package manager. */
const packageRecords = "var/lib/dpkg/status.d";

export interface UnpackOptions {
  /** dpkg's `path-exclude=` and `path-include=`; the last matching rule applies. */
  readonly pathRules: readonly string[];
  /** Returns whether to keep the record of a package. If undefined, every record is kept. */
  readonly isRecorded?: (packageName: string) => boolean;
  readonly signal: AbortSignal;
}

/**
 * Unpacks Debian packages and their records as dpkg does, without running their scripts.
 *
 * @param packages `.deb` files
 * @throws TOOL_MISSING without dpkg-deb; IMAGE_BUILD_FAILED for a package that cannot be unpacked
 */
export async function unpackPackages(packages: readonly string[], options: UnpackOptions): Promise<RootTree> {
  const { pathRules, isRecorded = () => true, signal } = options;
  const isKept = pathFilter(pathRules);
  const tree: RootTree = new Map();
  for (const file of packages) {
    const read = (flag: string) =>
      toolOutput({
        command: "dpkg-deb",
        args: [flag, file],
        failure: "IMAGE_BUILD_FAILED",
        install: "it is on every Debian and Ubuntu",
        signal,
      });
    for await (const entry of readTar(chunksOf(await read("--fsys-tarfile")))) {
      const path = inRoot(entry.path);
      if (path !== "" && isKept(`/${path}`)) tree.set(path, await rootEntry(entry, tree));
    }
    const [name] = basename(file).split("_") as [string];
    if (isRecorded(name))
      tree.set(`${packageRecords}/${name}`, { kind: "file", mode: 0o644, bytes: await read("--field") });
  }
  return tree;
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Moves `/bin`, `/sbin` and `/lib` to `/usr`, because in Debian they are links to the folders there. */
const inRoot = (path: string): string =>
  path
    .replace(/^\.?\//, "")
    .replace(/\/$/, "")
    .replace(/^(bin|sbin|lib|lib64)\//, "usr/$1/");

async function rootEntry(
  { path, kind, mode, linkTarget, bytes }: TarEntry,
  tree: RootTree,
): Promise<RootEntry> {
  if (kind === "directory") return { kind, mode };
  if (kind === "symlink") return { kind, target: linkTarget };
  if (kind === "file") return { kind, mode, bytes: await buffer(bytes) };
  const linked = tree.get(inRoot(linkTarget));
  if (kind === "link" && linked !== undefined) return linked;
  throw builderError(
    "IMAGE_BUILD_FAILED",
    `a Debian package has ${path}, which is neither a file nor a link`,
  );
}

/**
 * Creates a filter by the rules of dpkg (dpkg(1), `--path-exclude`): `*` also matches slashes, and the last
 * matching rule applies.
 */
export function pathFilter(rules: readonly string[]): (path: string) => boolean {
  const parsed = rules.map((rule) => {
    const [kind, pattern] = rule.split("=") as [string, string];
    const expression = pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".");
    return { isIncluded: kind === "path-include", matches: new RegExp(`^${expression}$`, "s") };
  });
  return (path) => parsed.findLast(({ matches }) => matches.test(path))?.isIncluded ?? true;
}

/**
 * Yields the tree as a tar, sorted, with owner 0:0 and times of 1970, so that the same tree gives the same
 * bytes.
 */
export function* rootTar(tree: RootTree): Generator<Uint8Array> {
  const time = new Date(0);
  for (const [path, entry] of withParents(tree)) {
    if (entry.kind === "directory") {
      yield tarHeader({ path: `${path}/`, kind: "directory", mode: entry.mode, sizeBytes: 0, time });
    } else if (entry.kind === "symlink") {
      yield tarHeader({ path, kind: "symlink", linkTarget: entry.target, mode: 0o777, sizeBytes: 0, time });
    } else {
      const sizeBytes = entry.bytes.length;
      yield tarHeader({ path, kind: "file", mode: entry.mode, sizeBytes, time });
      yield entry.bytes;
      yield tarPadding(sizeBytes);
    }
  }
  yield tarEnd();
}

/** Adds missing folders, because a rule may exclude a folder and keep a file in it. */
function withParents(tree: RootTree): readonly (readonly [string, RootEntry])[] {
  const all: RootTree = new Map(tree);
  for (const path of tree.keys())
    for (let end = path.indexOf("/"); end > 0; end = path.indexOf("/", end + 1))
      if (!all.has(path.slice(0, end))) all.set(path.slice(0, end), { kind: "directory", mode: 0o755 });
  return [...all].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
