import type { RuntimeSettings, TaskIdentity } from "../../processor/contract/manifest.js";
import { genericUrl } from "./package-url.js";

/** An in-toto statement, version 1, with SLSA's provenance, version 1; names are the specifications'. */
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
  /** Hexadecimal by algorithm. */
  readonly digest?: Readonly<Record<string, string>>;
  readonly mediaType?: string;
}

/** What the user of a build decided: with the resolved dependencies it is all that decides over the image. */
export interface ExternalParameters {
  readonly image: string;
  readonly platform: string;
  readonly baseImage: string;
  /** Of the image and its files. */
  readonly created: string;
  /** Models whose answers are averaged; a cascade's earlier stage stands before its second one. */
  readonly models: readonly ChosenModel[];
  /** config.json, completed. */
  readonly config: RuntimeSettings;
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
  /** Who put the layers together. */
  readonly builder: "docker" | "embedded";
  /** Of this program. */
  readonly programVersion: string;
  readonly parameters: ExternalParameters;
  readonly dependencies: readonly ResourceDescriptor[];
  /** What was written about the image besides. */
  readonly byproducts: readonly ResourceDescriptor[];
}

/** docs/how-to/attest.md says what its parameters are. */
const buildType = "pkg:generic/nnunet-processor#build/v1";

/**
 * Who made an image, from what and how. Times of the run are left out: the same inputs give the same statement, so
 * that anybody who builds again can compare.
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
