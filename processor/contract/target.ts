import { listOf, matching, oneOf, orNull, record, recordOf, text } from "./json-check.js";
import { longestPath } from "./longest-path.js";

/** Where an image will run. It decides what the image reads and writes; the model and its settings stay what they are. */
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
  /** What the image does without a word on the command line; it can do both. */
  readonly apiMethod: ApiMethod;
  /** Input socket by channel: `{"CT": "ct-image"}`. Null when the only image socket holds every channel. */
  readonly inputSockets: Readonly<Record<string, string>> | null;
  /** Slug of the socket that takes the segmentation. */
  readonly outputSocket: string;
  readonly jsonOutputs: readonly JsonOutput[];
}

/** `exec` segments one case and ends; `invoke` serves case after case over HTTP. */
export type ApiMethod = "exec" | "invoke";

/** A socket whose value is read from a JSON file. */
export interface JsonOutput {
  /** Below the output folder. */
  readonly relativePath: string;
  readonly content: JsonContent;
  /** Name of the only label that counts, so that the file holds one number; null for an object of all labels. */
  readonly label: string | null;
}

export type JsonContent = "volumes_ml" | "voxel_counts";

/** What lies in the file. */
export interface TargetFile {
  readonly targetVersion: 1;
  readonly target: Target;
}

/** Whether the object names a target that this version knows. */
export const checkTargetKind = record({ kind: oneOf(targetKinds) });

const path = matching(new RegExp(`^[^]{0,${longestPath}}$`), `a path of up to ${longestPath} characters`);

/** Whether the object is a complete GrandChallengeTarget. */
export const checkGrandChallengeTarget = record({
  apiMethod: oneOf(["exec", "invoke"]),
  inputSockets: orNull(recordOf(text)),
  outputSocket: text,
  jsonOutputs: listOf(
    record({ relativePath: path, content: oneOf(["volumes_ml", "voxel_counts"]), label: orNull(text) }),
  ),
});
