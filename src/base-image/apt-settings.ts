import { readFile } from "node:fs/promises";
import { trimmedEnd } from "../ground/untrusted/trimmed-end.js";
import { toolOutput } from "./run-tool.js";

/** The addresses of Debian's archive and of its security updates. */
export interface DebianMirror {
  readonly archive: string;
  readonly security: string;
}

/**
 * Returns the mirror in DEBIAN_MIRROR; null if it is not set. The address of its security updates follows
 * Debian's pattern.
 */
export function namedMirror(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): DebianMirror | null {
  const archive = trimmedEnd(environment["DEBIAN_MIRROR"]?.trim() ?? "", "/");
  return archive === "" ? null : mirrorAt(archive);
}

/**
 * Returns Debian's own mirror according to python-apt, also on Ubuntu; null if python-apt is not installed.
 */
export async function knownMirror(
  template = "/usr/share/python-apt/templates/Debian.info",
): Promise<DebianMirror | null> {
  const text = await readFile(template, "utf8").catch(() => "");
  const stanza = text.split("\n\n").find((lines) => lines.startsWith("Suite: {series}\n")) ?? text;
  const line = stanza.split("\n").find((candidate) => candidate.startsWith("BaseURI:"));
  const archive = trimmedEnd(line?.slice("BaseURI:".length).trim() ?? "", "/");
  return archive === "" ? null : mirrorAt(archive);
}

const mirrorAt = (archive: string): DebianMirror => ({ archive, security: `${archive}-security` });

const quietly = {
  failure: "IMAGE_BUILD_FAILED",
  install: "every Debian and Ubuntu has it",
} as const;

/**
 * Returns the mirror of this machine's own apt; null if the machine does not run Debian or its apt has no
 * mirror.
 */
export async function hostMirror(signal: AbortSignal): Promise<DebianMirror | null> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (!/^ID="?debian"?$/m.test(release)) return null;
  const codename = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(release)?.[1];
  const targets = await toolOutput({
    command: "apt-get",
    args: ["indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"],
    ...quietly,
    signal,
  });
  return mirrorOf(targets.toString("utf8"), codename ?? "");
}

/**
 * Finds Debian's archive among the addresses in apt's configuration.
 *
 * @param targets lines `<release> <component> <address>`, as `apt-get indextargets` prints them
 * @example mirrorOf("bookworm main http://mirror/debian/", "bookworm")?.archive // "http://mirror/debian"
 */
export function mirrorOf(targets: string, codename: string): DebianMirror | null {
  const lines = targets.split("\n").map((line) => line.trim());
  const placeOf = (release: string): string => {
    const line = lines.find((candidate) => candidate.startsWith(`${release} main `));
    return trimmedEnd(line?.split(" ", 3)[2] ?? "", "/");
  };
  const archive = placeOf(codename);
  if (archive === "" || codename === "" || archive.startsWith("cdrom:")) return null;
  return { archive, security: placeOf(`${codename}-security`) || `${archive}-security` };
}

/**
 * Returns this machine's apt settings for proxies, retries and dates, but never those that disable signature
 * checks.
 */
export async function hostTransport(signal: AbortSignal): Promise<string> {
  const settings = await toolOutput({
    command: "apt-config",
    args: ["dump"],
    ...quietly,
    signal,
  });
  return transportOf(settings.toString("utf8"));
}

/** @param settings lines `Name "value";`, as `apt-config dump` prints them */
export const transportOf = (settings: string): string =>
  settings
    .split("\n")
    .filter((line) => isTransport.test(line) && !line.endsWith('"";'))
    .join("\n");

const isTransport =
  /^Acquire::(https?::|ForceIPv[46] |Retries |Check-Valid-Until |Check-Date |Max-FutureTime |Queue-Mode )/i;
