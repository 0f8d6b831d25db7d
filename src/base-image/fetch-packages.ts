import { chmod, copyFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ProcessorError } from "../../processor/contract/errors.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { packageRoot } from "../ground/files/package-root.js";
import { type DebianMirror, hostMirror, hostTransport, knownMirror, namedMirror } from "./apt-settings.js";
import { runTool } from "./run-tool.js";

export interface FetchPackagesOptions {
  /** Name of the suite, such as `trixie`. */
  readonly suite: string;
  readonly architecture: "amd64" | "arm64";
  readonly packages: readonly string[];
  /** An empty folder, in which apt keeps all its files. */
  readonly folder: string;
  readonly onNote: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Downloads packages and their dependencies with this machine's apt, and returns the `.deb` files, sorted by
 * name.
 *
 * Only the machine's mirror and proxy affect the result. apt gets an empty list of installed packages and
 * trusts only Debian's keys for this suite (`base-image/debian/archive-keys.asc`), so every machine gets the
 * same packages from the same state of the archive. Root privileges are not needed.
 *
 * @throws TOOL_MISSING without apt; IMAGE_BUILD_FAILED with apt's message, also for an invalid signature
 */
export async function fetchPackages(options: FetchPackagesOptions): Promise<readonly string[]> {
  const { suite, onNote, signal } = options;
  const apt = { command: "apt-get", ...onFailure, signal };
  await runTool({ ...apt, args: ["--version"] });
  const mirrors = await mirrorsOf(signal);
  const transport = await hostTransport(signal);
  for (const [i, mirror] of mirrors.entries()) {
    const folder = join(options.folder, `mirror-${i}`);
    try {
      return await downloadFrom(mirror, { ...options, folder }, transport);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ProcessorError) || i === mirrors.length - 1) throw error;
      const reason = error.message.replaceAll(/\s*\n\s*/g, "; ");
      onNote(
        `this machine's mirror does not provide ${suite} (${reason}); trying ${mirrors[i + 1]!.archive}`,
      );
    }
  }
  throw new Error("there is always a mirror");
}

/** Returns only the user's mirror if one is configured; otherwise the machine's own and then Debian's. */
async function mirrorsOf(signal: AbortSignal): Promise<readonly DebianMirror[]> {
  const named = namedMirror();
  if (named !== null) return [named];
  const found = [await hostMirror(signal), await knownMirror()].filter((mirror) => mirror !== null);
  if (found.length > 0)
    return found.filter(({ archive }, i) => found.findIndex((other) => other.archive === archive) === i);
  throw builderError(
    "TOOL_MISSING",
    "this machine's apt names no mirror of Debian: set DEBIAN_MIRROR to the address of one (https://www.debian.org/mirror/list), or install python-apt-common, which names Debian's own",
  );
}

async function downloadFrom(
  mirror: DebianMirror,
  { suite, architecture, packages, folder, signal }: FetchPackagesOptions,
  transport: string,
): Promise<readonly string[]> {
  const place = (...names: string[]) => join(folder, ...names);
  for (const name of ["etc/parts", "etc/trusted", "lists/partial", "archives/partial", "log"])
    await makeFolder(place(name));
  await copyFile(
    join(packageRoot, "base-image", "debian", "archive-keys.asc"),
    place("etc", "trusted", "debian.asc"),
  );
  await chmod(place("etc", "trusted", "debian.asc"), 0o644);
  await writeFile(place("status"), "");
  await writeFile(place("etc", "sources.list"), sourcesOf(mirror, suite));
  const config = place("apt.conf");
  await writeFile(config, configOf({ folder, architecture, transport }));
  const run = (args: readonly string[]) =>
    runTool({
      command: "apt-get",
      args: ["-q", ...args],
      env: { APT_CONFIG: config, LC_ALL: "C" },
      ...onFailure,
      signal,
    });
  await run(["update", "--error-on=any"]);
  await run(["install", "--yes", "--download-only", "--no-install-recommends", ...packages]);
  return (await readdir(place("archives")))
    .filter((name) => name.endsWith(".deb"))
    .toSorted()
    .map((name) => place("archives", name));
}

const onFailure = {
  failure: "IMAGE_BUILD_FAILED",
  install:
    "it is on every Debian and Ubuntu; on other systems reach a registry with Debian's image, or build upon another image with `build_processor --base-image NAME`",
} as const;

const sourcesOf = ({ archive, security }: DebianMirror, suite: string): string =>
  [
    `deb ${archive} ${suite} main`,
    `deb ${archive} ${suite}-updates main`,
    `deb ${security} ${suite}-security main`,
    "",
  ].join("\n");

interface AptConfig {
  readonly folder: string;
  readonly architecture: string;
  /** This machine's apt settings for proxies and retries. */
  readonly transport: string;
}

/** Returns a configuration with which apt reads and writes only in the folder; see apt.conf(5). */
function configOf({ folder, architecture, transport }: AptConfig): string {
  const settings: Readonly<Record<string, string>> = {
    "APT::Architecture": architecture,
    "APT::Architectures::": architecture,
    "APT::Get::AllowUnauthenticated": "false",
    "Acquire::AllowInsecureRepositories": "false",
    "Acquire::AllowWeakRepositories": "false",
    "Acquire::AllowDowngradeToInsecureRepositories": "false",
    "Acquire::Languages": "none",
    "APT::Install-Recommends": "false",
    "APT::Install-Suggests": "false",
    // Nothing is installed on this machine, so no lock is needed.
    "Debug::NoLocking": "true",
    // As root, apt would download as a user who may not enter the folder.
    ...(process.getuid?.() === 0 ? { "APT::Sandbox::User": "root" } : {}),
    "Dir::State": folder,
    "Dir::State::status": join(folder, "status"),
    "Dir::State::lists": join(folder, "lists"),
    "Dir::State::extended_states": join(folder, "extended_states"),
    "Dir::Cache": folder,
    "Dir::Cache::archives": join(folder, "archives"),
    "Dir::Log": join(folder, "log"),
    "Dir::Etc::main": join(folder, "etc", "none"),
    "Dir::Etc::parts": join(folder, "etc", "parts"),
    "Dir::Etc::preferences": join(folder, "etc", "none"),
    "Dir::Etc::preferencesparts": join(folder, "etc", "parts"),
    "Dir::Etc::sourcelist": join(folder, "etc", "sources.list"),
    "Dir::Etc::sourceparts": join(folder, "etc", "parts"),
    "Dir::Etc::trusted": join(folder, "etc", "none"),
    "Dir::Etc::trustedparts": join(folder, "etc", "trusted"),
  };
  return `${transport}\n${Object.entries(settings)
    .map(([name, value]) => `${name} "${value}";\n`)
    .join("")}`;
}
