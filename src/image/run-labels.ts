import type { ModelManifest, ProcessorManifest } from "../../processor/model/manifest.js";

/** The labels of an image that say how it segments; `folds` and `checkpoint` are among the model's own. */
export const runLabels = {
  /** `on`, `off`, or `none` for a model whose training mirrored nothing. */
  mirroring: "org.nnunet-processor.mirroring",
  /** Step between windows as a part of the patch: `0.5`. */
  stepSize: "org.nnunet-processor.step-size",
  /** `auto`, `float16` or `float32`. */
  precision: "org.nnunet-processor.precision",
  /** `auto`, `cpu` or `cuda`. */
  device: "org.nnunet-processor.device",
  /** `normal`, `fast` or `fastest`. */
  exportMode: "org.nnunet-processor.export-mode",
  /** `on`, or `none` where no component is removed. */
  postProcessing: "org.nnunet-processor.post-processing",
  /** Of the folds: `0 1 2 3 4`. */
  folds: "org.nnunet-processor.folds",
  checkpoint: "org.nnunet-processor.checkpoint",
  nnunetVersion: "org.nnunet-processor.nnunet-version",
} as const;

type Labels = Readonly<Record<string, string | undefined>>;

/** How an image segments, for its labels: what config.json and the command line decided. */
export function runLabelsOf({ settings, models, postProcessing }: ProcessorManifest): Record<string, string> {
  return {
    [runLabels.mirroring]: mirroringOf(models, settings.useTestTimeAugmentation),
    [runLabels.stepSize]: String(settings.stepSize),
    [runLabels.precision]: settings.precision,
    [runLabels.device]: settings.device,
    [runLabels.exportMode]: settings.exportMode,
    [runLabels.postProcessing]: postProcessing.length > 0 ? "on" : "none",
  };
}

function mirroringOf(models: readonly ModelManifest[], isWanted: boolean): string {
  const stages = models.flatMap((model) => [model, model.previousStage?.model ?? model]);
  if (stages.every(({ plan }) => plan.mirrorAxes.length === 0)) return "none";
  return isWanted ? "on" : "off";
}

/** What nnU-Net trains to the end with, by its versions. */
const finalCheckpoints: readonly string[] = ["checkpoint_final.pth", "model_final_checkpoint.model"];

/**
 * Where an image segments otherwise than `nnUNetv2_predict` (or v1's `nnUNet_predict`) without a flag would, in words.
 * Labels that are absent, as in images of others, say nothing.
 */
export function departuresFromNnunet(labels: Labels): readonly string[] {
  const { mirroring, stepSize, exportMode, checkpoint, postProcessing, nnunetVersion } = runLabels;
  const step = labels[stepSize];
  const mode = labels[exportMode];
  const checkpoints = (labels[checkpoint] ?? "").split(", ").filter((name) => name !== "");
  const others = checkpoints.filter((name) => !finalCheckpoints.includes(name) && !name.endsWith(".onnx"));
  return [
    ...(labels[mirroring] === "off" ? ["mirroring is off; nnU-Net mirrors by default"] : []),
    ...(step === undefined || Number(step) === 0.5 ? [] : [`step size is ${step}; nnU-Net's is 0.5`]),
    ...(others.length === 0
      ? []
      : [`the checkpoint is ${others.join(", ")}; nnU-Net takes the final one by default`]),
    ...(mode === undefined || mode === "normal"
      ? []
      : [`export mode is ${mode}; nnU-Net's is normal by default`]),
    // v1 applies what was decided for the model by itself; v2 has a command of its own for it.
    ...(labels[postProcessing] === "on" && labels[nnunetVersion]?.includes("2")
      ? ["post-processing is applied; nnUNetv2_predict leaves it to nnUNetv2_apply_postprocessing"]
      : []),
  ];
}
