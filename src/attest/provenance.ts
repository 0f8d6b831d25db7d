import type { TaskIdentity } from "../../processor/contract/manifest.js";
import type { ImageSettings } from "../../processor/contract/run-settings.js";
import { genericUrl } from "./package-url.js";

/**
 * An in-toto statement, version 1, with SLSA's provenance, version 1. The keys are those of the
 * specifications.
 */
export interface ProvenanceStatement {
  readonly _type: "https://in-toto.io/Statement/v1";
  readonly subject: readonly ResourceDescriptor[];
  readonly predicateType: "https://slsa.dev/provenance/v1";
  readonly predicate: {
    readonly buildDefinition: {
      readonly buildType: string;
      readonly externalParameters: ExternalParameters;
      readonly resolvedDependencies: readonly ResourceDescriptor[];
    };
    readonly runDetails: {
      readonly builder: { readonly id: string; readonly version: Readonly<Record<string, string>> };
      readonly byproducts: readonly ResourceDescriptor[];
    };
  };
}

export interface ResourceDescriptor {
  readonly name?: string;
  readonly uri?: string;
  /** Hexadecimal digests by algorithm. */
  readonly digest?: Readonly<Record<string, string>>;
  readonly mediaType?: string;
}

/** The user's choices for a build. Together with the resolved dependencies, they determine the image. */
export interface ExternalParameters {
  readonly image: string;
  readonly platform: string;
  readonly baseImage: string;
  /** Time of the image and its files. */
  readonly created: string;
  /** Models whose predictions are averaged; a cascade's first stage precedes its second. */
  readonly models: readonly ChosenModel[];
  /** The settings of config.json with their defaults. */
  readonly config: ImageSettings;
}

export interface ChosenModel {
  readonly task: TaskIdentity;
  readonly dataset: string;
  readonly configuration: string;
  readonly checkpoint: string;
  readonly folds: readonly string[];
}

export interface ProvenanceOptions {
  readonly subjects: readonly ResourceDescriptor[];
  /** The builder that assembled the layers. */
  readonly builder: "docker" | "embedded";
  /** Version of this program. */
  readonly programVersion: string;
  readonly parameters: ExternalParameters;
  readonly dependencies: readonly ResourceDescriptor[];
  /** Other documents that were written about the image. */
  readonly byproducts: readonly ResourceDescriptor[];
}

/** docs/how-to/attest.md describes the parameters of this type. */
const buildType = "pkg:generic/nnunet-processor#build/v1";

/**
 * Returns the statement of what built an image, from what and how. Omits the times of the run: the same
 * inputs give the same statement, so anybody who rebuilds can compare.
 */
export function provenanceStatement(options: ProvenanceOptions): ProvenanceStatement {
  const { subjects, builder, programVersion, parameters, dependencies, byproducts } = options;
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: subjects,
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType,
        externalParameters: parameters,
        resolvedDependencies: [
          { name: "nnunet-processor", uri: genericUrl("nnunet-processor", programVersion) },
          ...dependencies,
        ],
      },
      runDetails: {
        builder: {
          id: `pkg:generic/nnunet-processor#builder/${builder}`,
          version: { "nnunet-processor": programVersion },
        },
        byproducts,
      },
    },
  };
}
