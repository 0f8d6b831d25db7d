import type { Distribution, InstalledPackage } from "./installed-packages.js";

/**
 * Returns a package URL, which scanners use to look up advisories.
 *
 * @example packageUrl(libc6, debian13) // "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13"
 */
export function packageUrl(
  { kind, name, version, architecture }: InstalledPackage,
  distribution: Distribution | null,
): string {
  const at = version === null ? "" : `@${encoded(version)}`;
  if (kind === "npm") return `pkg:npm/${name.split("/").map(encoded).join("/")}${at}`;
  if (kind === "pypi") return `pkg:pypi/${encoded(name.toLowerCase().replaceAll("_", "-"))}${at}`;
  if (kind === "generic") return `pkg:generic/${encoded(name)}${at}`;
  const { id, versionId } = distribution ?? { id: "debian", versionId: null };
  const qualifiers = [
    ...(architecture === null ? [] : [`arch=${encoded(architecture)}`]),
    ...(versionId === null ? [] : [`distro=${encoded(`${id}-${versionId}`)}`]),
  ];
  return `pkg:deb/${encoded(id)}/${encoded(name)}${at}${query(qualifiers)}`;
}

/** Returns the URL of software that no package manager installed. */
export const genericUrl = (name: string, version: string): string =>
  `pkg:generic/${encoded(name)}@${encoded(version)}`;

export interface ImageIdentity {
  /** `[registry/]name[:tag]`. */
  readonly imageName: string;
  /** `sha256:…`. */
  readonly digest: string;
  readonly architecture: string;
}

export function imageUrl({ imageName, digest, architecture }: ImageIdentity): string {
  const withoutDigest = imageName.replace(/^docker:\/\//, "").split("@", 1)[0]!;
  const [, place = withoutDigest, tag] = /^(.*):([^/:]+)$/.exec(withoutDigest) ?? [];
  const name = place.split("/").at(-1)!;
  const qualifiers = [
    `arch=${encoded(architecture)}`,
    ...(place === name ? [] : [`repository_url=${encoded(place)}`]),
    ...(tag === undefined ? [] : [`tag=${encoded(tag)}`]),
  ];
  return `pkg:oci/${encoded(name)}@${encoded(digest)}${query(qualifiers)}`;
}

/** The specification keeps colons unencoded. */
const encoded = (text: string): string => encodeURIComponent(text).replaceAll("%3A", ":");

const query = (qualifiers: readonly string[]): string =>
  qualifiers.length === 0 ? "" : `?${qualifiers.join("&")}`;
