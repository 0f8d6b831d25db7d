import type { AttestedImage } from "../../attest-image.js";
import type { BuildReport } from "../../build-pipeline.js";
import type { EmbeddedBuildReport } from "../../embedded-build.js";
import type { BuildStep } from "../../image/docker/build-log.js";
import type { ModelTarball } from "../../image/model-tarball.js";
import { departuresFromNnunet } from "../../image/run-labels.js";
import type { ImageArchive } from "../../publish/archive.js";
import type { PushedImage } from "../../publish/registry/push-image.js";
import type { Builder } from "../choose-builder.js";

/** What a build prints with `--json`, whoever put the image together. Within one `reportVersion` keys are only added. */
export interface BuildRecord {
  readonly reportVersion: 1;
  readonly builder: Builder;
  readonly imageName: string;
  /** Digest of the configuration: Docker's id of the image. */
  readonly imageId: string;
  /** What registries know the image by; null for one that Docker has put together and no registry has got. */
  readonly manifestDigest: string | null;
  /** `name@sha256:…`, for whoever pins the image; null where no registry has it. */
  readonly pinnedName: string | null;
  readonly sizeBytes: number;
  readonly baseImage: string;
  /** The Docker engine that has the image; null without one. */
  readonly engine: string | null;
  /** All labels of the image; `org.nnunet-processor.…` say what it holds and how it segments. */
  readonly labels: Readonly<Record<string, string>>;
  /** Where the image answers otherwise than nnU-Net does without a flag; empty for nowhere. */
  readonly departures: readonly string[];
  readonly archive: ImageArchive | null;
  readonly modelTarball: ModelTarball | null;
  readonly pushed: PushedImage | null;
  readonly attested: AttestedImage | null;
  readonly buildFolder: string | null;
  /** Docker's; empty without it. */
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

/** `name@sha256:…`, which names the same image for ever. */
export const pinnedName = (imageName: string, digest: string): string => `${withoutTag(imageName)}@${digest}`;

function withoutTag(imageName: string): string {
  const colon = imageName.lastIndexOf(":");
  return colon > imageName.lastIndexOf("/") ? imageName.slice(0, colon) : imageName;
}
