import type { AttestedImage } from "../../attest-image.js";
import type { BuildOptions } from "../../build-options.js";
import type { BuildReport } from "../../build-pipeline.js";
import type { EmbeddedBuildReport } from "../../embedded-build.js";
import type { ModelTarball } from "../../image/model-tarball.js";
import type { PushedImage } from "../../publish/registry/push-image.js";

const inMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export function reportText(report: BuildReport, options: BuildOptions): string {
  const lines = [
    `image     ${report.imageName}`,
    `digest    ${report.imageId}`,
    `size      ${inMegabytes(report.sizeBytes)}`,
    `base      ${report.baseImage}`,
    ...(report.archive === null
      ? []
      : [
          `archive   ${report.archive.path} (${inMegabytes(report.archive.bytes)}, sha256 ${report.archive.sha256})`,
        ]),
    ...pushedLines(report.pushed),
    ...modelLines(report.modelTarball),
    ...attestedLines(report.attested),
    ...(report.buildFolder === null ? [] : [`context   ${report.buildFolder}`]),
    "",
    `run it:   ${runLine(report.imageName, options)}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** Trying it out as its platform runs it, as far as one line goes. */
function runLine(imageName: string, { target: { kind: target }, settings }: BuildOptions): string {
  const gpus = settings.device === "cuda" ? "--gpus all " : "";
  const folder = target === "amos22" ? "/workspace" : "";
  const volumes = `-v "$PWD/in:${folder}/input:ro" -v "$PWD/out:${folder}/output"`;
  const command = { "grand-challenge": " exec", amos22: " python run_inference.py", sol: "", plain: "" }[
    target
  ];
  return `docker run --rm ${gpus}--network none ${volumes} ${imageName}${command}`;
}

export function embeddedText(report: EmbeddedBuildReport): string {
  const { archive, pushed, attested } = report;
  const lines = [
    `image     ${report.imageName}`,
    `config    ${report.configDigest}`,
    `manifest  ${report.manifestDigest}`,
    `size      ${inMegabytes(report.sizeBytes)}`,
    `base      ${report.baseImage}`,
    ...(archive === null
      ? []
      : [`archive   ${archive.path} (${inMegabytes(archive.bytes)}, sha256 ${archive.sha256})`]),
    ...pushedLines(pushed),
    ...modelLines(report.modelTarball),
    ...attestedLines(attested),
  ];
  return `${lines.join("\n")}\n`;
}

const modelLines = (model: ModelTarball | null): string[] =>
  model === null ? [] : [`model     ${model.path} (${inMegabytes(model.bytes)}, sha256 ${model.sha256})`];

function attestedLines(attested: AttestedImage | null): string[] {
  if (attested === null) return [];
  const { files, referrers, signatures } = attested;
  return [
    ...(files === null ? [] : [`contents  ${files.spdx}`, `origin    ${files.provenance}`]),
    ...referrers.map(({ artifactType, manifestDigest }) => `attached  ${artifactType} ${manifestDigest}`),
    ...signatures.map(({ tag, isNew }) => `signed    ${tag}${isNew ? "" : " (was there already)"}`),
  ];
}

const pushedLines = (pushed: PushedImage | null): readonly string[] =>
  pushed === null
    ? []
    : [
        `pushed    ${pushed.manifestDigest}`,
        `          ${inMegabytes(pushed.sentBytes)} sent, ${pushed.blobsThere} parts were there`,
      ];

export const renderedText = (rendered: {
  readonly imageName: string;
  readonly baseImage: string;
  readonly buildFolder: string;
}): string =>
  `context   ${rendered.buildFolder}\nbase      ${rendered.baseImage}\n\nbuild it: docker build -t ${rendered.imageName} ${rendered.buildFolder}\n`;
