import { anything, listOf, recordOf } from "../../processor/contract/json-check.js";
import { parseOrNull } from "../../processor/contract/parse-checked.js";
import { layerPath, places } from "../../processor/contract/places.js";
import type { LayerContents } from "./layer-contents.js";
import { spdxExpression } from "./spdx-expression.js";

/** A package in an image. */
export interface InstalledPackage {
  readonly kind: "deb" | "npm" | "pypi" | "generic";
  readonly name: string;
  /** Null for a library inside a wheel that does not state it. */
  readonly version: string | null;
  /** Architecture of a Debian package; null for others. */
  readonly architecture: string | null;
  /**
   * The source package with its version, such as `gcc-14 (14.2.0-19)`, if they differ from those of the
   * binary package; null if they are the same.
   */
  readonly sourcePackage: string | null;
  /** `Name <address>`, as the package states. */
  readonly maintainer: string | null;
  readonly homepage: string | null;
  /** SPDX expression; null if the package does not state one. */
  readonly license: string | null;
}

/** The distribution according to `os-release`. */
export interface Distribution {
  readonly id: string;
  readonly versionId: string | null;
  readonly prettyName: string;
}

/**
 * Returns Debian's packages from dpkg's status, or from `status.d` in images without dpkg. Sorted by name.
 */
export function debianPackages({ texts }: Pick<LayerContents, "texts">): readonly InstalledPackage[] {
  const stanzas = Object.entries(texts)
    .filter(([path]) => /^var\/lib\/dpkg\/status(\.d\/(?!.*\.md5sums$).*)?$/.test(path))
    .flatMap(([, text]) => text.split(/\n\s*\n/).map(fieldsOf));
  return uniquePackages(stanzas.flatMap(debianPackage));
}

/**
 * Returns npm's packages from every `node_modules/<name>/package.json`, and those that are bundled in the web page of the
 * service. Sorted by name.
 */
export function npmPackages({ texts }: Pick<LayerContents, "texts">): readonly InstalledPackage[] {
  const bundled = parseOrNull(
    texts[layerPath(`${places.image.page}/packages.json`)] ?? "[]",
    listOf(anything),
  );
  return uniquePackages([
    ...Object.entries(texts)
      .filter(([path]) => /(^|\/)node_modules\//.test(path))
      .flatMap(([, text]) => npmPackage(text)),
    ...(bundled ?? []).flatMap((item) => npmPackage(JSON.stringify(item))),
  ]);
}

/**
 * Returns Python's packages from every `<name>.dist-info/METADATA`, because CUDA's libraries come from
 * wheels. Sorted by name.
 */
export function pythonPackages({ texts }: Pick<LayerContents, "texts">): readonly InstalledPackage[] {
  return uniquePackages(
    Object.entries(texts)
      .filter(([path]) => path.endsWith(".dist-info/METADATA"))
      .flatMap(([, text]) => pythonPackage(text)),
  );
}

/**
 * Returns the libraries of other projects inside the wheels, from the lists that the base image contains. Sorted by
 * name.
 */
export function bundledLibraries({ texts }: Pick<LayerContents, "texts">): readonly InstalledPackage[] {
  return uniquePackages(
    Object.entries(texts)
      .filter(([path]) => /^usr\/share\/nnunet-processor\/bundled\/[^/]+\.json$/.test(path))
      .flatMap(([, text]) => (parseOrNull(text, listOf(anything)) ?? []).flatMap(bundledLibrary)),
  );
}

function bundledLibrary(item: unknown): InstalledPackage[] {
  const { name, version, licence } = (item ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof name !== "string") return [];
  return [
    {
      kind: "generic",
      name,
      version: typeof version === "string" ? version : null,
      architecture: null,
      sourcePackage: null,
      maintainer: null,
      homepage: null,
      license: typeof licence === "string" ? spdxExpression(licence) : null,
    },
  ];
}

/** Returns null for an image without this information. */
export function distributionOf({ texts }: Pick<LayerContents, "texts">): Distribution | null {
  const text = texts["etc/os-release"] ?? texts["usr/lib/os-release"];
  if (text === undefined) return null;
  const facts = new Map(
    [...text.matchAll(/^([A-Z_]+)=(?:"([^"]*)"|'([^']*)'|(\S*))$/gm)].map(
      ([, key = "", double, single, bare]) => [key, double ?? single ?? bare ?? ""],
    ),
  );
  const id = facts.get("ID") ?? "linux";
  return { id, versionId: facts.get("VERSION_ID") ?? null, prettyName: facts.get("PRETTY_NAME") ?? id };
}

/** Reads the fields of one stanza without continuation lines, which the fields used here do not have. */
function fieldsOf(stanza: string): ReadonlyMap<string, string> {
  return new Map(
    [...stanza.matchAll(/^([A-Za-z][A-Za-z0-9-]*):(.*)$/gm)].map(([, key = "", value = ""]) => [
      key.toLowerCase(),
      value.trim(),
    ]),
  );
}

function debianPackage(fields: ReadonlyMap<string, string>): InstalledPackage[] {
  const name = fields.get("package");
  const version = fields.get("version");
  const status = fields.get("status"); // absent if dpkg never installed anything
  if (name === undefined || version === undefined) return [];
  if (status !== undefined && !/ (installed|unpacked|half-configured|triggers-\w+)$/.test(status)) return [];
  const source = fields.get("source") ?? null;
  return [
    {
      kind: "deb",
      name,
      version,
      architecture: fields.get("architecture") ?? null,
      sourcePackage: source,
      maintainer: fields.get("maintainer") ?? null,
      homepage: fields.get("homepage") ?? null,
      license: null, // its copyright file states it, but not as an SPDX expression
    },
  ];
}

function npmPackage(text: string): InstalledPackage[] {
  const json = parsed(text);
  if (typeof json["name"] !== "string" || typeof json["version"] !== "string") return [];
  const { name, version, license, homepage } = json;
  return [
    {
      kind: "npm",
      name,
      version,
      architecture: null,
      sourcePackage: null,
      maintainer: null,
      homepage: typeof homepage === "string" ? homepage : null,
      license: typeof license === "string" ? spdxExpression(license) : null,
    },
  ];
}

/** The licence that NVIDIA's wheels declare, in one of its spellings. */
export const nvidiaLicence = "LicenseRef-NVIDIA-Proprietary";

/**
 * Reads the header of METADATA, which has the format of a dpkg stanza. The description follows after an empty
 * line.
 */
function pythonPackage(text: string): InstalledPackage[] {
  const fields = fieldsOf(text.split(/\r?\n\r?\n/, 1)[0]!);
  const [name, version] = [fields.get("name"), fields.get("version")];
  if (name === undefined || version === undefined) return [];
  const license = fields.get("license-expression") ?? fields.get("license") ?? "";
  return [
    {
      kind: "pypi",
      name,
      version,
      architecture: null,
      sourcePackage: null,
      maintainer: null,
      homepage: fields.get("home-page") ?? null,
      license: /NVIDIA/.test(license) ? nvidiaLicence : spdxExpression(license.replace(/ License$/, "")),
    },
  ];
}

/** npm could not read a package.json that is not an object either. */
const parsed = (text: string): Readonly<Record<string, unknown>> =>
  parseOrNull(text, recordOf(anything)) ?? {};

const keyOf = ({ name, version, architecture }: InstalledPackage): string =>
  [name, version, architecture].join(" ");

function uniquePackages(packages: readonly InstalledPackage[]): readonly InstalledPackage[] {
  const byKey = new Map(packages.map((installed) => [keyOf(installed), installed]));
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, installed]) => installed);
}
