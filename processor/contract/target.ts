import {
  about,
  type Checked,
  kinds,
  listOf,
  matching,
  oneOf,
  orNull,
  record,
  recordOf,
  text,
  version,
} from "./json-check.js";
import { longestPath } from "./longest-path.js";

export const targetKinds = ["grand-challenge", "amos22", "sol", "plain"] as const satisfies TargetKind[];

const path = matching(new RegExp(`^[^]{0,${longestPath}}$`), `a path of up to ${longestPath} characters`);

/** A socket whose value is read from a JSON file. */
const jsonOutput = record({
  relativePath: about("Relative to the output folder.", path),
  content: oneOf(["volumes_ml", "voxel_counts"]),
  label: about(
    "Name of the only label that counts, so that the file holds one number; null for an object of all labels.",
    orNull(text),
  ),
});

export type JsonOutput = Checked<typeof jsonOutput>;
export type JsonContent = JsonOutput["content"];

const noFields = record({});

const target = kinds({
  /** An algorithm of grand-challenge.org. */
  "grand-challenge": record({
    apiMethod: about(
      "What the image does if the command line does not say; it can do both. exec segments one case and ends; invoke serves case after case over HTTP.",
      oneOf(["exec", "invoke"]),
    ),
    inputSockets: about(
      'Input socket by channel: {"CT": "ct-image"}. Null if the only image socket holds every channel.',
      orNull(recordOf(text)),
    ),
    outputSocket: about("Slug of the socket that takes the segmentation.", text),
    jsonOutputs: listOf(jsonOutput),
  }),
  amos22: noFields,
  sol: noFields,
  plain: noFields,
});

/**
 * The platform that an image is built for. It decides what the image reads and writes, but not the model and its
 * settings.
 */
export type Target = Checked<typeof target>;
export type TargetKind = Target["kind"];

/** The target of one kind. */
export type TargetOf<K extends TargetKind> = Extract<Target, { readonly kind: K }>;

export type GrandChallengeTarget = TargetOf<"grand-challenge">;

/** `exec` segments one case and ends; `invoke` serves case after case over HTTP. */
export type ApiMethod = GrandChallengeTarget["apiMethod"];

/** What an image was built for (`target.json`). */
export const targetFile = record({ targetVersion: version(1), target });

export type TargetFile = Checked<typeof targetFile>;
