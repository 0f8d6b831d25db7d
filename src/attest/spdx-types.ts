/** The parts of SPDX 2.3 in JSON that are written here. The keys are the specification's. */
export interface SpdxDocument {
  readonly spdxVersion: "SPDX-2.3";
  readonly dataLicense: "CC0-1.0";
  readonly SPDXID: "SPDXRef-DOCUMENT";
  readonly name: string;
  readonly documentNamespace: string;
  readonly creationInfo: { readonly created: string; readonly creators: readonly string[] };
  readonly packages: readonly SpdxPackage[];
  readonly files: readonly SpdxFile[];
  readonly relationships: readonly SpdxRelationship[];
  readonly hasExtractedLicensingInfos?: readonly {
    readonly licenseId: string;
    readonly extractedText: string;
    readonly name: string;
    readonly seeAlsos?: readonly string[];
  }[];
}

export interface SpdxPackage {
  readonly SPDXID: string;
  readonly name: string;
  readonly versionInfo?: string;
  readonly downloadLocation: "NOASSERTION";
  readonly filesAnalyzed: boolean;
  readonly packageVerificationCode?: { readonly packageVerificationCodeValue: string };
  readonly checksums?: readonly SpdxChecksum[];
  readonly supplier?: string;
  readonly originator?: string;
  readonly homepage?: string;
  readonly sourceInfo?: string;
  readonly comment?: string;
  /** SPDX expression, LicenseRef-… or NOASSERTION. */
  readonly licenseDeclared: string;
  readonly licenseConcluded: "NOASSERTION";
  readonly licenseComments?: string;
  readonly copyrightText: "NOASSERTION";
  readonly primaryPackagePurpose?: "APPLICATION" | "CONTAINER" | "LIBRARY" | "OPERATING_SYSTEM" | "OTHER";
  readonly externalRefs?: readonly SpdxReference[];
}

export interface SpdxFile {
  readonly SPDXID: string;
  /** Path from the root, such as `./opt/…`. */
  readonly fileName: string;
  readonly checksums: readonly SpdxChecksum[];
  readonly licenseConcluded: "NOASSERTION";
  readonly copyrightText: "NOASSERTION";
}

export interface SpdxChecksum {
  readonly algorithm: "SHA1" | "SHA256";
  readonly checksumValue: string;
}

export interface SpdxReference {
  readonly referenceCategory: "PACKAGE-MANAGER" | "SECURITY";
  readonly referenceType: "purl" | "cpe23Type";
  readonly referenceLocator: string;
}

export interface SpdxRelationship {
  readonly spdxElementId: string;
  readonly relationshipType: "DESCRIBES" | "CONTAINS" | "DEPENDS_ON";
  readonly relatedSpdxElement: string;
}
