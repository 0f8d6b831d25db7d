import { counted } from "../../processor/contract/counted.js";
import type { PostProcessingStep } from "../../processor/contract/manifest.js";
import { cleanLine } from "../../processor/contract/progress/log-lines.js";
import type {
  CheckpointInspection,
  ConfigurationInspection,
  ImageInspection,
  Inspection,
  OnnxInspection,
  Problem,
  TaskInspection,
} from "../inspect/inspection.js";
import { tasksOfDataset } from "../totalsegmentator/task-table.js";
import { monaiRows } from "./monai-rows.js";
import { parameterText } from "./parameter-text.js";

/** A heading with aligned lines below it; further lines of a value are aligned with its first. */
interface Block {
  readonly title: string;
  readonly rows: readonly Row[];
}

type Row = readonly [key: string, value: string | readonly string[] | null];

/** Formats an inspection for people: a block for each configuration, after one for the source if that has its own facts. */
export function inspectionText(inspection: Inspection): string {
  return blocksOf(inspection).map(blockText).join("\n");
}

function blocksOf(inspection: Inspection): readonly Block[] {
  switch (inspection.kind) {
    case "onnx":
      return [onnxBlock(inspection)];
    case "checkpoint":
      return [checkpointBlock(inspection)];
    case "image":
      return [
        imageBlock(inspection),
        ...taskBlocks(inspection.totalsegmentator),
        ...inspection.models.map(configurationBlock),
      ];
    case "models":
    case "converted":
      return [
        {
          title: inspection.source,
          rows: [
            ["contains", `${counted(inspection.models.length, kinds[inspection.kind])}`],
            [
              "post-processing",
              inspection.kind === "models" ? null : stepLines(inspection.postProcessingSteps),
            ],
            ["size", sizeText(inspection.sizeBytes)],
          ],
        },
        ...(inspection.kind === "models" ? [] : taskBlocks(inspection.totalsegmentator)),
        ...inspection.models.map(configurationBlock),
      ];
  }
}

const kinds = { models: "trained configuration", converted: "converted configuration" } as const;

function blockText({ title, rows }: Block): string {
  const shown = rows.filter(([, value]) => value !== null && value.length > 0);
  const width = Math.max(...shown.map(([key]) => key.length)) + 2;
  const lines = shown.flatMap(([key, value]) =>
    (typeof value === "string" ? value.split("\n") : (value ?? [])).flatMap((line, i) => {
      const word = i === 0 ? key : "";
      // A digest is copied whole, and an 80-column terminal shows it whole only on a line of its own.
      return /^sha256:[0-9a-f]{64}$/.test(line)
        ? [`  ${word}`, `    ${line}`]
        : [`  ${word.padEnd(width)}${line}`];
    }),
  );
  return `${[title, ...lines].map((line) => `${cleanLine(line).trimEnd()}\n`).join("")}`;
}

function taskBlocks(task: TaskInspection | null): readonly Block[] {
  if (task === null) return [];
  const { mode, spacingMmXyz, crop, classes } = task;
  return [
    {
      title: `TotalSegmentator ${task.task}${mode === "default" ? "" : ` (${mode})`}`,
      rows: [
        ["spacing", spacingMmXyz === null ? "the image's own" : `${spacingMmXyz.join(" × ")} mm (x, y, z)`],
        ["crop", crop === null ? null : `around ${crop.join(", ")} of a rough segmentation`],
        ["classes", `${classes.length}: ${classes.join(", ")}`],
      ],
    },
  ];
}

/** Says of which of TotalSegmentator's tasks a network is; null for other networks. */
function taskLine(datasetName: string | null): string | null {
  const names = datasetName === null ? [] : tasksOfDataset(datasetName);
  if (names.length === 0) return null;
  const shown = names.map((name) => `totalsegmentator:${name}`).join(" or ");
  return `use ${shown}, which also resamples and merges as TotalSegmentator does`;
}

function configurationBlock(model: ConfigurationInspection): Block {
  const { network, channels, folds, mirrorAxes } = model;
  const isOfNnunet = model.monai === null && !/^(?:NVIDIA|MONAI bundle)/.test(model.trainer ?? "");
  const version = isOfNnunet ? `v${model.nnunetVersion}` : null;
  const plans = [version, model.trainer, model.plansName].filter((part) => part !== null);
  return {
    title: `${model.datasetName} ${model.configuration}`,
    rows: [
      ["path", model.path],
      ["task", model.task.id === null ? model.task.name : `${model.task.id} ${model.task.name}`],
      [model.monai === null ? "nnU-Net" : "made with", plans.join(", ")],
      ["TotalSegmentator", taskLine(model.datasetName)],
      ["network", network === null ? "none that can be converted" : network.architecture],
      ["parameters", parametersOf(model)],
      ["input", network === null ? null : counted(network.inputChannels, "channel")],
      ["patch", model.patchSize?.join(" × ") ?? null],
      ["spacing", model.spacingMm === null ? null : `${model.spacingMm.map(rounded).join(" × ")} mm`],
      [
        "channels",
        channels?.map(({ name, normalization }, i) => `${i}  ${name}  (${normalization})`) ?? null,
      ],
      [model.labels?.regionsClassOrder ? "regions" : "labels", labelLines(model)],
      ["images", [model.fileEnding, model.imageReader].filter((part) => part !== null).join(", ")],
      [
        "mirroring",
        mirrorAxes === null ? null : mirrorAxes.length === 0 ? "none" : `axes ${mirrorAxes.join(", ")}`,
      ],
      ...nvidiaRows(model),
      ...monaiRows(model.monai),
      ["needs", model.previousStage === null ? null : `the segmentation of ${model.previousStage}`],
      ["folds", folds.map(({ fold, files }) => `${fold}  ${files.map(fileText).join(", ")}`.trimEnd())],
      ["float16", model.gpuNetwork === null ? null : fileText(model.gpuNetwork)],
      ["checkpoint", model.checkpointName],
      ["post-processing", model.postProcessing],
      ["size", model.sizeBytes === 0 ? null : sizeText(model.sizeBytes)],
      ["warning", model.warnings],
      ["builds", model.problems.length === 0 && network !== null ? "as it is" : null],
      ...problemRows(model.problems),
    ],
  };
}

function nvidiaRows({ nvidia }: ConfigurationInspection): readonly Row[] {
  if (nvidia === null) return [];
  const { overlap, blend, hasForegroundChannel, countsZeros, brats, outputs } = nvidia;
  return [
    ["windows", `overlap ${overlap}, ${blend}`],
    ["foreground", hasForegroundChannel ? "a further channel marks it (ohe)" : null],
    ["z-score", countsZeros ? "of all voxels, as in 21.02" : null],
    ["labels by", brats === null ? null : `the rule for BraTS ${brats}`],
    ["files", outputs.join(", ")],
  ];
}

/** Returns the number of parameters that inference uses or, if the network is unknown, that the checkpoint has. */
function parametersOf({ network, checkpointParameters }: ConfigurationInspection): string | null {
  if (network !== null) return parameterText(network.parameters);
  return checkpointParameters === null ? null : parameterText(checkpointParameters);
}

function labelLines({ labels }: ConfigurationInspection): readonly string[] | null {
  if (labels === null) return null;
  return labels.names.map(({ name, value }) => `${[value].flat().join("+")}  ${name}`);
}

function imageBlock(image: ImageInspection): Block {
  const { settings } = image;
  return {
    title: image.source,
    rows: [
      ["image", image.imageName === image.source ? null : image.imageName],
      ["digest", image.imageId],
      ["platform", image.platform],
      ["created", image.created],
      ["built by", image.processorVersion === null ? null : `nnunet-processor ${image.processorVersion}`],
      ["base", image.baseImage],
      ["size", sizeText(image.sizeBytes)],
      ["reads", settings?.inputDir ?? null],
      ["writes", settings?.outputDir ?? null],
      ["device", settings?.device ?? null],
      ["mirroring", settings === null ? null : settings.useTestTimeAugmentation ? "on" : "off"],
      ["step", settings === null ? null : `${settings.stepSize} of a patch`],
      ["post-processing", stepLines(image.postProcessingSteps ?? [])],
      ["hooks", settings === null ? null : settings.hasHooks ? "a hook module" : "none"],
      ...problemRows(image.problems),
    ],
  };
}

function checkpointBlock(checkpoint: CheckpointInspection): Block {
  const { nnunetVersion, mirrorAxes } = checkpoint;
  return {
    title: checkpoint.source,
    rows: [
      ["is", `a checkpoint (torch.save, ${checkpoint.format})`],
      ["nnU-Net", nnunetVersion === null ? "not saved by nnU-Net" : `v${nnunetVersion}`],
      ["trainer", checkpoint.trainer],
      ["dataset", checkpoint.datasetName],
      ["configuration", checkpoint.configuration],
      ["fold", checkpoint.fold],
      ["epoch", checkpoint.epoch === null ? null : String(checkpoint.epoch)],
      [
        "mirroring",
        mirrorAxes === null ? null : mirrorAxes.length === 0 ? "none" : `axes ${mirrorAxes.join(", ")}`,
      ],
      ["parameters", `${parameterText(checkpoint.parameters)} in ${counted(checkpoint.tensors, "tensor")}`],
      ["size", sizeText(checkpoint.sizeBytes)],
      ["to build", nnunetVersion === null ? null : "pass the folder with its plans, two levels up"],
      ...problemRows(checkpoint.problems),
    ],
  };
}

function onnxBlock(onnx: OnnxInspection): Block {
  const values = (tensors: OnnxInspection["inputs"]) =>
    tensors.map(({ name, shape, elementType }) => `${name}  ${shapeText(shape)}  ${elementType}`);
  return {
    title: onnx.source,
    rows: [
      ["is", "an ONNX network"],
      ["written by", onnx.producer],
      ["opset", `${onnx.opset} (IR version ${onnx.irVersion})`],
      ["other operators", onnx.foreignDomains],
      ["inputs", values(onnx.inputs)],
      ["outputs", values(onnx.outputs)],
      ["parameters", parameterText(onnx.parameters)],
      [
        "weights in",
        onnx.externalFiles.map(
          ({ location, sizeBytes }) =>
            `${location} (${sizeBytes === null ? "missing" : sizeText(sizeBytes)})`,
        ),
      ],
      ["size", sizeText(onnx.sizeBytes)],
      ...problemRows(onnx.problems),
    ],
  };
}

const stepLines = (steps: readonly PostProcessingStep[]): readonly string[] =>
  steps.map(({ labels, minimumMm3 }) =>
    minimumMm3 === null
      ? `keeps the largest component of ${labels.join("+")}`
      : `removes components of ${labels.join("+")} below ${rounded(minimumMm3)} mm³`,
  );

const shapeText = (shape: readonly (number | string)[] | null): string =>
  shape === null ? "of any shape" : shape.map((size) => (size === "" ? "?" : size)).join(" × ");

const problemRows = (problems: readonly Problem[]): readonly Row[] =>
  problems.map(({ code, message, help }) => ["problem", [code, ...message.split("\n"), help]]);

const fileText = ({ name, sizeBytes }: { readonly name: string; readonly sizeBytes: number }): string =>
  `${name} (${sizeText(sizeBytes)})`;

const rounded = (value: number): string => String(Number(value.toPrecision(6)));

function sizeText(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = Math.min(3, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}
