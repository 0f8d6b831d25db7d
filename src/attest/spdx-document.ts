import { createHash } from "node:crypto";
import { basename } from "node:path";
import { processorLabels } from "../../processor/contract/labels.js";
import { layerPath, places } from "../../processor/contract/places.js";
import type { DescribedImage } from "./described-image.js";
import {
  bundledLibraries,
  debianPackages,
  distributionOf,
  npmPackages,
  nvidiaLicence,
  pythonPackages,
} from "./installed-packages.js";
import { imageUrl } from "./package-url.js";
import { spdxExpression } from "./spdx-expression.js";
import {
  checksumsOf,
  entry,
  installedPackage,
  node,
  onnxRuntime,
  operatingSystem,
  processor,
  purl,
} from "./spdx-packages.js";
import type { SpdxDocument, SpdxFile, SpdxPackage, SpdxRelationship } from "./spdx-types.js";

/** The licence of a model, from config.json or the registry of models. */
export interface ModelLicence {
  /** SPDX's name if there is one, otherwise any; null if only the page at the URL states it. */
  readonly name: string | null;
  readonly url: string | null;
}

export interface SpdxDocumentOptions {
  readonly image: DescribedImage;
  /** Null if the licence is unknown. */
  readonly modelLicence: ModelLicence | null;
  /** The separate file of the model; null if the model is in the image. */
  readonly modelTarball: { readonly path: string; readonly sha256: string } | null;
  /** Version of this program. */
  readonly programVersion: string;
}

const imageId = "SPDXRef-Image";
const modelId = "SPDXRef-Model";
const licenceId = "LicenseRef-Model";

/**
 * Returns the contents of an image as SPDX 2.3: Debian's, npm's and Python's packages, Node, ONNX Runtime,
 * the processor, and the model with each of its files. The same image gives the same bytes, because there is
 * no clock and no random name.
 */
export function spdxDocument(options: SpdxDocumentOptions): SpdxDocument {
  const { image, modelLicence, modelTarball, programVersion } = options;
  const distribution = distributionOf(image.contents);
  const installed = [
    ...debianPackages(image.contents),
    ...npmPackages(image.contents),
    ...pythonPackages(image.contents),
    ...bundledLibraries(image.contents),
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
    // The specification's own address for documents of programs without a site.
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

function imagePackage({ imageName, digest, architecture, labels }: DescribedImage): SpdxPackage {
  return entry(imageId, imageName, {
    versionInfo: digest,
    checksums: [{ algorithm: "SHA256", checksumValue: digest.replace(/^sha256:/, "") }],
    licenseDeclared: spdxExpression(labels["org.opencontainers.image.licenses"] ?? "") ?? "NOASSERTION",
    primaryPackagePurpose: "CONTAINER",
    externalRefs: [purl(imageUrl({ imageName, digest, architecture }))],
  });
}

function modelFiles({ contents }: DescribedImage): SpdxFile[] {
  return Object.entries(contents.files)
    .filter(([path]) => path.startsWith(`${layerPath(places.image.model)}/`))
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
  const fact = (name: keyof typeof processorLabels) => labels[processorLabels[name]] ?? "";
  return entry(modelId, [fact("dataset"), fact("configuration")].filter(Boolean).join(" ") || "model", {
    ...(modelTarball === null
      ? { filesAnalyzed: true, packageVerificationCode: verificationCode(files) }
      : {
          sourceInfo: `separate from the image, in ${basename(modelTarball.path)}`,
          checksums: [{ algorithm: "SHA256", checksumValue: modelTarball.sha256 }],
        }),
    comment: `nnU-Net v${fact("nnunetVersion")}, trainer ${fact("trainer")}, plans ${fact("plans")}, checkpoint ${fact("checkpoint")}, folds ${fact("folds")}`,
    ...licenceOf(modelLicence),
    primaryPackagePurpose: "OTHER",
  });
}

/** Computes the code of the specification: SHA-1 of all files' sorted SHA-1. */
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

/** Returns an entry for a licence that SPDX has no name for. */
const ownLicence = ({ name, url }: ModelLicence) => ({
  licenseId: licenceId,
  name: name!,
  extractedText: name!,
  ...(url !== null && { seeAlsos: [url] }),
});

const nvidiaTerms = {
  licenseId: nvidiaLicence,
  name: "NVIDIA Software License Agreement",
  extractedText:
    "The text is in the image, in a folder with the library's name: /usr/share/doc/nvidia-*/copyright",
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

/** Numbers duplicate identifiers, because `libstdc++6` and `libstdc--6` would otherwise be the same. */
function withUniqueIds(packages: readonly SpdxPackage[]): SpdxPackage[] {
  const taken = new Map<string, number>();
  return packages.map((found) => {
    const count = (taken.get(found.SPDXID) ?? 0) + 1;
    taken.set(found.SPDXID, count);
    return count === 1 ? found : { ...found, SPDXID: `${found.SPDXID}.${count}` };
  });
}
