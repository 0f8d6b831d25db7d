import { relative } from "node:path";
import { counted } from "../../../processor/contract/counted.js";
import { processorLabels } from "../../../processor/contract/labels.js";
import { places } from "../../../processor/contract/places.js";
import type { TaskPlan } from "../../../processor/contract/totalsegmentator-plan.js";
import type { AttestedImage } from "../../attest/attest-image.js";
import type { BuildReport } from "../../build/build-report.js";
import type { BuildRequest } from "../../build/build-request.js";
import { shellWord } from "../../ground/shell-word.js";
import type { ModelSet } from "../../models/model-set.js";
import { platformOf } from "../../targets/targets.js";
import { wrapped } from "../findings-text.js";
import { programCall } from "../program-call.js";
import type { Terminal } from "../terminal.js";

const inMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

type Row = readonly [key: string, value: string | null];

/** Describes a finished build for people: what was made, how it segments, and how to try it. */
export function reportText(report: BuildReport, request: BuildRequest, terminal: Terminal): string {
  if (report.builder === "context") return contextText(report);
  const rows: readonly Row[] = [
    ["image", report.imageName],
    ["id", report.imageId],
    ["manifest", report.manifestDigest],
    ["size", report.sizeBytes === null ? null : inMegabytes(report.sizeBytes)],
    ["base", report.baseImage],
    ...(request.models === null
      ? ([["model", "any: mounted at /model, and converted at start"]] as const)
      : modelRows(report, request.models, request)),
    ...report.departures.map((departure): Row => ["differs", departure]),
    ...fileRows("archive", report.archive, terminal),
    ...fileRows("tarball", report.modelTarball, terminal),
    ...pushedRows(report),
    ...attestedRows(report.attested, terminal),
    ["context", report.buildFolder],
  ];
  const lines = rows.flatMap(([key, value]) => (value === null ? [] : rowLines(key, value, terminal)));
  return `${[...lines, "", ...trialLines(report, request, terminal)].join("\n")}\n`;
}

/** Wraps a long value on a terminal, with its lines below each other. */
function rowLines(key: string, value: string, terminal: Terminal): readonly string[] {
  const width = 9;
  const lines = wrapped(value, width, terminal);
  return lines.map((line, number) => `${(number === 0 ? key : "").padEnd(width)}${line}`);
}

function modelText({ labels }: BuildReport): string {
  const folds = labels[processorLabels.folds] ?? "";
  return `${labels[processorLabels.dataset] ?? ""} ${labels[processorLabels.configuration] ?? ""}, ${labels[processorLabels.checkpoint]}, fold${/^\w+$/.test(folds) ? "" : "s"} ${folds}`;
}

const modelRows = (report: BuildReport, models: ModelSet, request: BuildRequest): readonly Row[] => [
  ["model", models.totalsegmentator === null ? modelText(report) : taskText(models.totalsegmentator, models)],
  ...leftOutFolds(models),
  ["segments", segmentsText(report, request)],
];

function taskText({ run, mode }: TaskPlan, { members }: ModelSet): string {
  const resolution = mode === "default" ? "" : ` ${mode}`;
  return `TotalSegmentator's task ${run.task}${resolution}, ${counted(run.classes.length, "class", "classes")}, ${counted(members.length, "network")}`;
}

function leftOutFolds(models: ModelSet): readonly Row[] {
  const found = models.members.flatMap(({ model, previousStage }) => [model, previousStage ?? []].flat());
  return found.flatMap(({ leftOut }) => leftOut.map(({ reason }): Row => ["left out", reason]));
}

function segmentsText({ labels }: BuildReport, { base }: BuildRequest): string {
  const mirroring = labels[processorLabels.mirroring];
  const isOnGpu = base.variant !== "cpu";
  const wanted = labels[processorLabels.precision];
  const precision = wanted !== "auto" ? wanted : isOnGpu ? "float16" : "float32";
  return [
    mirroring === "none" ? "no mirroring (as trained)" : `mirroring ${mirroring}`,
    `step size ${labels[processorLabels.stepSize]}`,
    `${precision} on the ${isOnGpu ? "GPU (ONNX Runtime)" : `CPU (${cpuEngine(labels, base)})`}`,
  ].join(", ");
}

function cpuEngine(labels: BuildReport["labels"], { imageName, leftOut }: BuildRequest["base"]): string {
  const chosen = labels[processorLabels.inferenceEngine];
  if (chosen === "openvino") return "OpenVINO";
  const hasBoth = imageName === null && !leftOut.includes("openvino");
  return chosen === "auto" && hasBoth ? "OpenVINO or ONNX Runtime, whichever is faster" : "ONNX Runtime";
}

interface WrittenFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

const fileRows = (key: string, file: WrittenFile | null, terminal: Place): readonly Row[] =>
  file === null
    ? []
    : [
        [key, `${shownPath(file.path, terminal)} (${inMegabytes(file.bytes)})`],
        ["", `sha256 ${file.sha256}`],
      ];

function pushedRows({ pushed, pinnedName }: BuildReport): readonly Row[] {
  if (pushed === null) return [];
  const there = pushed.blobsThere === 0 ? "" : `, ${pushed.blobsThere} layers were already in the registry`;
  return [
    ["pushed", `${inMegabytes(pushed.sentBytes)} sent${there}`],
    ["pin it", pinnedName],
  ];
}

function attestedRows(attested: AttestedImage | null, terminal: Place): readonly Row[] {
  if (attested === null) return [];
  const { files, referrers, signatures } = attested;
  return [
    ["contains", files && `${shownPath(files.spdx, terminal)} (list of contents, SPDX)`],
    ["made by", files && `${shownPath(files.provenance, terminal)} (provenance, SLSA)`],
    ...referrers.flatMap(({ artifactType, manifestDigest }): readonly Row[] => [
      ["attached", artifactType],
      ["", manifestDigest],
    ]),
    ...signatures.map(({ tag, isNew }): Row => ["signed", `${tag}${isNew ? "" : " (exists already)"}`]),
  ];
}

/** The lines that say how to run the image as its platform does. */
function trialLines(report: BuildReport, request: BuildRequest, terminal: Terminal): readonly string[] {
  const { settings } = request;
  const { target } = request.image;
  const { modelTarball } = request.outputs;
  const archive = report.archive === null ? null : shellWord(shownPath(report.archive.path, terminal));
  const { dockerRun } = platformOf(target.kind);
  if (dockerRun === null) {
    const image = archive ?? report.imageName;
    const model =
      modelTarball === null ? "" : ` --model-tarball ${shellWord(shownPath(modelTarball, terminal))}`;
    return [
      `try it as the platform runs it (cases/ is a folder of images):`,
      `  ${programCall(terminal)} simulate ${image} -i cases/${model}`,
    ];
  }
  const gpus = settings.device === "cuda" ? "--gpus all " : "";
  if (request.models === null) return anyModelLines(report, gpus);
  const { folder, command } = dockerRun;
  const load = report.engine === null && archive !== null ? [`  docker load -i ${archive}`] : [];
  return [
    "run it on the images in in/:",
    ...load,
    // Docker would create a missing folder as root, where the image's user cannot write.
    "  mkdir -p out",
    `  docker run --rm ${gpus}--network none --user "$(id -u):$(id -g)" \\`,
    `    -v "$PWD/in:${folder}/input:ro" -v "$PWD/out:${folder}/output" \\`,
    `    ${[report.imageName, command].filter(Boolean).join(" ")}`,
  ];
}

const anyModelLines = ({ imageName }: BuildReport, gpus: string): readonly string[] => [
  "run it on the image in/case.nii.gz with the trained model in model/:",
  "  mkdir -p out",
  `  docker run --rm ${gpus}--network none --user "$(id -u):$(id -g)" \\`,
  `    -v "$PWD/model:${places.anyModel.model}:ro" -v "$PWD/in:${places.anyModel.input}:ro" -v "$PWD/out:${places.anyModel.output}" \\`,
  `    ${imageName} -i case.nii.gz`,
];

type Place = Pick<Terminal, "currentDirectory">;

function shownPath(path: string, { currentDirectory }: Place): string {
  const fromHere = relative(currentDirectory, path);
  return fromHere.startsWith("..") ? path : fromHere;
}

const contextText = ({ imageName, baseImage, buildFolder }: BuildReport): string =>
  `context  ${buildFolder}\nbase     ${baseImage}\n\nbuild it:\n  docker build -t ${imageName} \\\n    ${shellWord(buildFolder ?? "")}\n`;
