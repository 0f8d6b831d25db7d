import { listOf, matching, oneOf, orNull, record, recordOf, text } from "./json-check.js";
import { longestPath } from "./longest-path.js";

/**
 * The platform that an image is built for. It decides what the image reads and writes, but not the model and its
 * settings.
 */
export type Target =
  | GrandChallengeTarget
  | { readonly kind: "amos22" }
  | { readonly kind: "sol" }
  | { readonly kind: "plain" };

export const targetKinds = ["grand-challenge", "amos22", "sol", "plain"] as const satisfies Target["kind"][];

export type TargetKind = (typeof targetKinds)[number];

/** The target of one kind. */
export type TargetOf<K extends TargetKind> = Extract<Target, { readonly kind: K }>;

/** An algorithm of grand-challenge.org. */
export interface GrandChallengeTarget {
  readonly kind: "grand-challenge";
  /** What the image does if the command line names neither; it can do both. */
  readonly apiMethod: ApiMethod;
  /** The input socket of each channel: `{"CT": "ct-image"}`. Null if the only image socket holds every channel. */
  readonly inputSockets: Readonly<Record<string, string>> | null;
  /** The slug of the socket that receives the segmentation. */
  readonly outputSocket: string;
  readonly jsonOutputs: readonly JsonOutput[];
}

/** `exec` segments one case and ends; `invoke` serves case after case over HTTP. */
export type ApiMethod = "exec" | "invoke";

/** A socket whose value is read from a JSON file. */
export interface JsonOutput {
  /** The path below the output folder. */
  readonly relativePath: string;
  readonly content: JsonContent;
  /** The name of one label, so that the file holds one number; null for an object with all labels. */
  readonly label: string | null;
}

export type JsonContent = "volumes_ml" | "voxel_counts";

/** The contents of the file that names an image's target. */
export interface TargetFile {
  readonly targetVersion: 1;
  readonly target: Target;
}

/** Checks whether an object names a target that this version knows. */
export const checkTargetKind = record({ kind: oneOf(targetKinds) });

const path = matching(new RegExp(`^[^]{0,${longestPath}}$`), `a path of up to ${longestPath} characters`);

/** Checks whether an object is a complete GrandChallengeTarget. */
export const checkGrandChallengeTarget = record({
  apiMethod: oneOf(["exec", "invoke"]),
  inputSockets: orNull(recordOf(text)),
  outputSocket: text,
  jsonOutputs: listOf(
    record({ relativePath: path, content: oneOf(["volumes_ml", "voxel_counts"]), label: orNull(text) }),
  ),
});
