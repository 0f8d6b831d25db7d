import type { AttestedImage } from "../../attest/attest-image.js";
import type { BuildReport } from "../../build/docker-build.js";
import type { EmbeddedBuildReport } from "../../build/embedded-build.js";
import type { ModelTarball } from "../../build/model-tarball.js";
import type { BuildStep } from "../../docker/build-log.js";
import { departuresFromNnunet } from "../../image/run-labels.js";
import type { ImageArchive } from "../../oci/export-archive.js";
import type { PushedImage } from "../../oci/registry/push-image.js";
import type { Builder } from "../choose-builder.js";

/** What a build prints with `--json`, whichever builder was used. Within one `reportVersion`, keys are only added. */
export interface BuildRecord {
  readonly reportVersion: 1;
  readonly builder: Builder;
  readonly imageName: string;
  /** The digest of the configuration, which is Docker's id of the image. */
  readonly imageId: string;
  /** The digest by which registries know the image; null for an image that Docker built and nobody pushed. */
  readonly manifestDigest: string | null;
  /** `name@sha256:…`, to pin the image by; null if it was not pushed. */
  readonly pinnedName: string | null;
  readonly sizeBytes: number;
  readonly baseImage: string;
  /** The Docker engine that has the image; null without one. */
  readonly engine: string | null;
  /** All labels of the image; those named `org.nnunet-processor.…` say what it holds and how it segments. */
  readonly labels: Readonly<Record<string, string>>;
  /** How the image's answer differs from nnU-Net's defaults; empty if it does not. */
  readonly departures: readonly string[];
  readonly archive: ImageArchive | null;
  readonly modelTarball: ModelTarball | null;
  readonly pushed: PushedImage | null;
  readonly attested: AttestedImage | null;
  readonly buildFolder: string | null;
  /** The steps of Docker's builder; empty for this program's own. */
  readonly steps: readonly BuildStep[];
}

export const recordOfDocker = (report: BuildReport): BuildRecord => ({
  ...recordOf("docker", report),
  imageId: report.imageId,
  manifestDigest: report.pushed?.manifestDigest ?? null,
  engine: report.engine,
  buildFolder: report.buildFolder,
  steps: report.steps,
});

export const recordOfEmbedded = (report: EmbeddedBuildReport): BuildRecord => ({
  ...recordOf("embedded", report),
  imageId: report.configDigest,
  manifestDigest: report.manifestDigest,
  engine: report.engine,
  buildFolder: null,
  steps: [],
});

type Common = Pick<
  BuildRecord,
  "imageName" | "sizeBytes" | "baseImage" | "labels" | "archive" | "modelTarball" | "pushed" | "attested"
>;

function recordOf(builder: Builder, report: Common) {
  const { imageName, sizeBytes, baseImage, labels, archive, modelTarball, pushed, attested } = report;
  return {
    ...({ reportVersion: 1, builder, imageName } as const),
    pinnedName: pushed === null ? null : pinnedName(imageName, pushed.manifestDigest),
    ...{ sizeBytes, baseImage, labels, archive, modelTarball, pushed, attested },
    departures: departuresFromNnunet(labels),
  };
}

/** `name@sha256:…`, which always names the same image. */
export const pinnedName = (imageName: string, digest: string): string => `${withoutTag(imageName)}@${digest}`;

function withoutTag(imageName: string): string {
  const colon = imageName.lastIndexOf(":");
  return colon > imageName.lastIndexOf("/") ? imageName.slice(0, colon) : imageName;
}
