import { processorLabels } from "../../processor/contract/labels.js";
import type { ModelManifest, ProcessorManifest } from "../../processor/contract/manifest.js";
import { defaultCheckpoint } from "../checkpoint/network/default-checkpoint.js";

type Labels = Readonly<Record<string, string | undefined>>;

/** Returns the labels that describe how an image segments. */
export function runLabelsOf(manifest: ProcessorManifest): Record<string, string> {
  const { settings, models, totalsegmentator, postProcessing } = manifest;
  return {
    [processorLabels.mirroring]: mirroringOf(models, settings.useTestTimeAugmentation),
    [processorLabels.stepSize]: String(
      settings.stepSize === usualStep ? (totalsegmentator?.run.stepSize ?? usualStep) : settings.stepSize,
    ),
    [processorLabels.precision]: settings.precision,
    [processorLabels.inferenceEngine]: settings.inferenceEngine,
    [processorLabels.device]: settings.device,
    [processorLabels.exportMode]: settings.exportMode,
    [processorLabels.postProcessing]: postProcessing.length > 0 ? "on" : "none",
  };
}

/** nnU-Net's step, which stands for no choice of the user. */
const usualStep = 0.5;

function mirroringOf(models: readonly ModelManifest[], isWanted: boolean): string {
  const stages = models.flatMap((model) => [model, model.previousStage?.model ?? model]);
  if (stages.every(({ plan }) => plan.mirrorAxes.length === 0)) return "none";
  return isWanted ? "on" : "off";
}

/** The names of nnU-Net's final checkpoints. */
const finalCheckpoints: readonly string[] = [defaultCheckpoint(2), defaultCheckpoint(1)];

/** The endings of networks that other programs trained, which have no final checkpoint: ONNX, Lightning, MONAI. */
const foreignCheckpoint = /\.(?:onnx|ckpt|pt|ts)$/;

/**
 * Describes how an image's segmentation differs from that of `nnUNetv2_predict` (or v1's `nnUNet_predict`) without options.
 * Absent labels, as in images of other programs, are ignored.
 */
export function departuresFromNnunet(labels: Labels): readonly string[] {
  const { mirroring, stepSize, exportMode, checkpoint, postProcessing, nnunetVersion } = processorLabels;
  const step = labels[stepSize];
  const mode = labels[exportMode];
  const checkpoints = (labels[checkpoint] ?? "").split(", ").filter((name) => name !== "");
  const isTask = (labels[processorLabels.taskName] ?? "").startsWith("totalsegmentator_");
  const others = checkpoints.filter(
    (name) => !finalCheckpoints.includes(name) && !foreignCheckpoint.test(name),
  );
  return [
    ...(labels[mirroring] === "off" ? ["mirroring is off; nnU-Net mirrors by default"] : []),
    ...(step === undefined || isTask || Number(step) === usualStep
      ? []
      : [`step size is ${step}; nnU-Net's is 0.5`]),
    ...(others.length === 0
      ? []
      : [`the checkpoint is ${others.join(", ")}; nnU-Net uses the final one by default`]),
    ...(mode === undefined || mode === "normal"
      ? []
      : [`export mode is ${mode}; nnU-Net's default is normal`]),
    // v1 applies post-processing automatically; v2 has a separate command for it.
    ...(labels[postProcessing] === "on" && labels[nnunetVersion]?.includes("2")
      ? ["post-processing is applied; nnUNetv2_predict leaves it to nnUNetv2_apply_postprocessing"]
      : []),
  ];
}
