import type { AttestedImage } from "../attest/attest-image.js";
import type { BuildStep } from "../docker/build-log.js";
import type { DigestedFile } from "../ground/files/write-digested.js";
import { splitTag } from "../ground/image-name.js";
import { departuresFromNnunet } from "../image/run-labels.js";
import type { PushedImage } from "../oci/registry/push-image.js";
import type { BuilderName, BuiltImage } from "./image-builder.js";

/**
 * The report of a build, as `--json` prints it. Within one `reportVersion`, keys are only added. The facts of a
 * finished image are null if only the context was written.
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

/** The part of the report that the steps of a build provide. */
export interface BuildFacts {
  readonly builder: BuilderName;
  readonly imageName: string;
  readonly baseImage: string;
  /** The Docker engine that has the image; null without one. */
  readonly engine: string | null;
  /** All labels of the image; those named `org.nnunet-processor.…` say what it holds and how it segments. */
  readonly labels: Readonly<Record<string, string>>;
  /** Null if no archive was requested. */
  readonly archive: DigestedFile | null;
  /** Null if the image contains its model. */
  readonly modelTarball: DigestedFile | null;
  /** Null if no push was requested. */
  readonly pushed: PushedImage | null;
  /** Null if no documents were requested, or if only the engine has the image. */
  readonly attested: AttestedImage | null;
  /** Null if it was removed. */
  readonly buildFolder: string | null;
}

/** The part of the report that only a finished image provides. */
export type ImageFacts = Pick<BuiltImage, "imageId" | "manifestDigest" | "sizeBytes" | "steps">;

/** Adds the facts that follow from others. */
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
export const pinnedName = (imageName: string, digest: string): string =>
  `${splitTag(imageName).name}@${digest}`;
