/** A coded concept (PS3.3, 8.8). */
export interface Code {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

/** 0 to 255 each. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** What a result says about itself and its segments, complete: from a template, from names, or from a model's labels. */
export interface ObjectMetadata {
  readonly seriesNumber: number;
  readonly instanceNumber: number;
  readonly seriesDescription: string;
  readonly contentLabel: string;
  readonly contentDescription: string;
  readonly contentCreatorName: string;
  /** Empty for none. */
  readonly bodyPartExamined: string;
  readonly clinicalTrial: ClinicalTrial | null;
  readonly equipment: Equipment;
  readonly segments: readonly SegmentMetadata[];
}

export interface ClinicalTrial {
  readonly seriesId: string;
  readonly timePointId: string;
  readonly coordinatingCenterName: string;
}

/** The program and the model (PS3.3, C.7.5.2); none is empty. */
export interface Equipment {
  readonly manufacturer: string;
  readonly modelName: string;
  readonly deviceSerialNumber: string;
  readonly softwareVersions: string;
}

export interface SegmentMetadata {
  /** The value of its voxels in the label map. */
  readonly label: number;
  /** SegmentLabel: the name that viewers show. */
  readonly name: string;
  readonly description: string;
  readonly algorithm: { readonly type: AlgorithmType; readonly name: string; readonly version: string };
  readonly category: Code;
  readonly type: Code;
  /** Often the side: left or right. Null for none. */
  readonly typeModifier: Code | null;
  readonly anatomicRegion: Code | null;
  readonly anatomicRegionModifier: Code | null;
  readonly color: Rgb;
  /** RecommendedDisplayCIELabValue as given; null to compute it from the colour. */
  readonly cielab: readonly number[] | null;
  /** TrackingID, and TrackingUID, which is made if it is null; null for neither. */
  readonly tracking: { readonly id: string; readonly uid: string | null } | null;
}

export type AlgorithmType = "AUTOMATIC" | "SEMIAUTOMATIC" | "MANUAL";

/** The values for what a description leaves out. */
export interface MetadataDefaults {
  readonly equipment: Equipment;
  readonly algorithmName: string;
}
