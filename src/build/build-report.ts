import type { AttestedImage } from "../attest/attest-image.js";
import type { BuildStep } from "../docker/build-log.js";
import { departuresFromNnunet } from "../image/run-labels.js";
import type { ImageArchive } from "../oci/export-archive.js";
import type { PushedImage } from "../oci/registry/push-image.js";
import type { BuilderName, BuiltImage } from "./image-builder.js";
import type { ModelTarball } from "./model-tarball.js";

/**
 * What a build did, whichever builder was used, as `--json` prints it. Within one `reportVersion`, keys are only added.
 * What only a finished image has is null where only the context was written.
 */
export interface BuildReport extends BuildFacts {
  readonly reportVersion: 1;
  /** The digest of the configuration, which is Docker's id of the image. */
  readonly imageId: string | null;
  /** The digest by which registries know the image; null for an image that Docker built and nobody pushed. */
  readonly manifestDigest: string | null;
  /** `name@sha256:…`, to pin the image by; null if it was not pushed. */
  readonly pinnedName: string | null;
  readonly sizeBytes: number | null;
  /** How the image's answer differs from nnU-Net's defaults; empty if it does not. */
  readonly departures: readonly string[];
  /** The steps of Docker's builder; empty for this program's own. */
  readonly steps: readonly BuildStep[];
}

/** What the steps of a build know themselves. */
export interface BuildFacts {
  readonly builder: BuilderName;
  readonly imageName: string;
  readonly baseImage: string;
  /** The Docker engine that has the image; null without one. */
  readonly engine: string | null;
  /** All labels of the image; those named `org.nnunet-processor.…` say what it holds and how it segments. */
  readonly labels: Readonly<Record<string, string>>;
  /** Null when none was asked for. */
  readonly archive: ImageArchive | null;
  /** Null when the image carries its model. */
  readonly modelTarball: ModelTarball | null;
  /** Null when it was not asked for. */
  readonly pushed: PushedImage | null;
  /** Null when it was not asked for, and for an image that only the engine has. */
  readonly attested: AttestedImage | null;
  /** Null when it was removed. */
  readonly buildFolder: string | null;
}

/** What only a finished image tells. */
export type ImageFacts = Pick<BuiltImage, "imageId" | "manifestDigest" | "sizeBytes" | "steps">;

/** Completes the facts by what follows from them. */
export const buildReport = (facts: BuildFacts, image: ImageFacts | null): BuildReport => ({
  reportVersion: 1,
  ...facts,
  imageId: image?.imageId ?? null,
  manifestDigest: image?.manifestDigest ?? facts.pushed?.manifestDigest ?? null,
  pinnedName: facts.pushed === null ? null : pinnedName(facts.imageName, facts.pushed.manifestDigest),
  sizeBytes: image?.sizeBytes ?? null,
  departures: departuresFromNnunet(facts.labels),
  steps: image?.steps ?? [],
});

/** `name@sha256:…`, which always names the same image. */
export const pinnedName = (imageName: string, digest: string): string => `${withoutTag(imageName)}@${digest}`;

function withoutTag(imageName: string): string {
  const colon = imageName.lastIndexOf(":");
  return colon > imageName.lastIndexOf("/") ? imageName.slice(0, colon) : imageName;
}
