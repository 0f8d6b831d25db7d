import { describe, expect, test } from "vitest";
import { descendantOf, refuseDescendant } from "../../../src/checkpoint/descendants.js";
import type { WeightTensor } from "../../../src/checkpoint/network/checkpoint.js";

const tensor: WeightTensor = { shape: [1], async *chunks() {} };

describe("a checkpoint of another program that grew out of nnU-Net is named", () => {
  test.each([
    ["nnUNetTrainerV2_MedNeXt_S_kernel3", "conv.weight", "MedNeXt"],
    ["nnUNetTrainerV2", "enc_block_0.0.conv1.weight", "MedNeXt"],
    ["nnUNetTrainerUMambaBot", "conv.weight", "U-Mamba"],
    ["nnUNetTrainer", "mamba_layer.mamba.A_log", "U-Mamba"],
    ["STUNetTrainer_base_ft", "conv.weight", "STU-Net"],
    ["nnUNetTrainer", "upsample_layers.0.conv.weight", "STU-Net"],
    ["nnInteractiveTrainer_stub", "encoder.stem.convs.0.conv.weight", "nnInteractive"],
    ["nnFormerTrainerV2_nnformer_acdc", "conv.weight", "nnFormer"],
  ])("by the trainer %s with the tensor %s: %s", (trainer, name, program) => {
    expect(descendantOf(trainer, [name])?.name).toBe(program);
    expect(() => refuseDescendant("model", { trainer, weights: new Map([[name, tensor]]) })).toThrow(
      `model: this is a checkpoint of ${program}, whose network`,
    );
  });

  test.each([
    ["nnUNetTrainer", "encoder.stages.0.0.convs.0.conv.weight"],
    ["nnUNetTrainerV2", "conv_blocks_context.0.blocks.0.conv.weight"],
    ["nnUNet_Primus_S_Trainer", "eva.blocks.0.gamma_1"],
  ])("but not one of nnU-Net's own: %s with %s", (trainer, name) => {
    expect(descendantOf(trainer, [name])).toBeNull();
  });
});
