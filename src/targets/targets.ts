import { processorLabels } from "../../processor/contract/labels.js";
import { type Target, type TargetKind, type TargetOf, targetKinds } from "../../processor/contract/target.js";
import { defaultImageName, type TargetConfig } from "../config/target-config.js";
import { amos22 } from "./amos22/amos22.js";
import { grandChallenge } from "./grand-challenge/grand-challenge.js";
import { plain } from "./plain/plain.js";
import type { Platform } from "./platform.js";
import { sol } from "./sol/sol.js";

/** Every platform. The rest of the program does not mention a platform by name. */
const platforms: { readonly [K in TargetKind]: Platform<TargetOf<K>> } = {
  [grandChallenge.kind]: grandChallenge,
  amos22,
  sol,
  plain,
};

export const platformOf = (kind: TargetKind): Platform => platforms[kind];

/** The targets in the order in which the command line lists them. */
export const allPlatforms: readonly Platform[] = targetKinds.map(platformOf);

/** The platform with the most requirements, for images that do not say where they will run. */
const strictest = grandChallenge;

/**
 * Returns the kind of target that an image was built for. A platform's own label wins over ours, which an image inherits
 * from the image that it was built on.
 */
export function targetKindFromLabels(labels: Readonly<Record<string, unknown>>): TargetKind {
  const read = allPlatforms.find(({ ownLabel }) => ownLabel !== null && ownLabel in labels);
  return read?.kind ?? targetKinds.find((kind) => kind === labels[processorLabels.target]) ?? strictest.kind;
}

/**
 * Returns the target's part of the image.
 *
 * @throws CONFIG_INVALID if config.json lacks what the target needs
 */
export const targetFromConfig = ({ kind, json }: TargetConfig): Target =>
  platformOf(kind).config.target(json);

/**
 * Returns the image's name, with `{task_id}`, `{task_name}` and `{timestamp}` to be filled in.
 *
 * @param given the name on the command line; null for none
 * @throws CONFIG_INVALID, TAG_INVALID
 */
export function imageNameFromConfig(config: TargetConfig, given: string | null): string {
  const { naming } = platformOf(config.kind).config;
  return naming === null ? (given ?? defaultImageName(config)) : naming.imageName(config.json, given);
}

/** Returns the archive's name if the platform prescribes it; null for the image's own. */
export const archiveNameFromConfig = ({ kind, json }: TargetConfig, imageName: string): string | null =>
  platformOf(kind).config.naming?.archiveName(json, imageName) ?? null;
