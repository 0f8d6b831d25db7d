import { type OwnPart, ownParts } from "../image/codec-files.js";
import { type BasePart, baseParts } from "./variants.js";

/** Everything that a build may leave out of an image: parts of its base, and parts above it. */
export const imageParts = [...baseParts, ...ownParts] as const;

export type ImagePart = (typeof imageParts)[number];

export const isBasePart = (part: ImagePart): part is BasePart => baseParts.some((known) => known === part);

export const isOwnPart = (part: ImagePart): part is OwnPart => ownParts.some((known) => known === part);
