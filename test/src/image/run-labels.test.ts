import { describe, expect, test } from "vitest";
import { processorLabels } from "../../../processor/contract/labels.js";
import { mapNonEmpty } from "../../../processor/contract/non-empty.js";
import { departuresFromNnunet, runLabelsOf } from "../../../src/image/run-labels.js";
import { goldenPath } from "../../support/golden.js";
import { testSettings, withConvertedModel } from "../../support/model/convert.js";

const blobs = goldenPath("v2", "blobs_3d_fullres", "model");

describe("the labels that say how an image segments", () => {
  test("name what config.json decided", async () => {
    await withConvertedModel(blobs, ({ manifest }) => {
      const settings = { ...testSettings, useTestTimeAugmentation: false, stepSize: 1 };
      expect(runLabelsOf({ ...manifest, settings })).toEqual({
        "org.nnunet-processor.mirroring": "off",
        "org.nnunet-processor.step-size": "1",
        "org.nnunet-processor.precision": "auto",
        "org.nnunet-processor.inference-engine": "auto",
        "org.nnunet-processor.device": "cpu",
        "org.nnunet-processor.export-mode": "normal",
        "org.nnunet-processor.post-processing": "none",
      });
      return Promise.resolve();
    });
  });

  test("say that a model was trained without mirroring, which then is not a departure", async () => {
    await withConvertedModel(blobs, ({ manifest }) => {
      const models = mapNonEmpty(manifest.models, (model) => ({
        ...model,
        plan: { ...model.plan, mirrorAxes: [] },
      }));
      const settings = { ...testSettings, useTestTimeAugmentation: false };
      expect(runLabelsOf({ ...manifest, models, settings })[processorLabels.mirroring]).toBe("none");
      return Promise.resolve();
    });
  });
});

describe("departuresFromNnunet", () => {
  const defaults = {
    [processorLabels.mirroring]: "on",
    [processorLabels.stepSize]: "0.5",
    [processorLabels.exportMode]: "normal",
    [processorLabels.checkpoint]: "checkpoint_final.pth, model_final_checkpoint.model",
    [processorLabels.postProcessing]: "none",
    [processorLabels.nnunetVersion]: "2",
  };

  test.each([
    ["nnU-Net's own defaults", {}, []],
    [
      "mirroring that is off",
      { [processorLabels.mirroring]: "off" },
      ["mirroring is off; nnU-Net mirrors by default"],
    ],
    ["a model without mirroring", { [processorLabels.mirroring]: "none" }, []],
    ["another step", { [processorLabels.stepSize]: "1" }, ["step size is 1; nnU-Net's is 0.5"]],
    [
      "the best checkpoint",
      { [processorLabels.checkpoint]: "checkpoint_best.pth" },
      ["the checkpoint is checkpoint_best.pth; nnU-Net uses the final one by default"],
    ],
    ["a network of one's own", { [processorLabels.checkpoint]: "fold_0.onnx" }, []],
    ["a checkpoint of MONAI", { [processorLabels.checkpoint]: "model.pt" }, []],
    ["a checkpoint of NVIDIA's nnU-Net", { [processorLabels.checkpoint]: "epoch=9-dice=73.21.ckpt" }, []],
    [
      "a fast export",
      { [processorLabels.exportMode]: "fast" },
      ["export mode is fast; nnU-Net's default is normal"],
    ],
    [
      "post-processing of v2",
      { [processorLabels.postProcessing]: "on" },
      ["post-processing is applied; nnUNetv2_predict leaves it to nnUNetv2_apply_postprocessing"],
    ],
    [
      "post-processing of v1, which applies it itself",
      { [processorLabels.postProcessing]: "on", [processorLabels.nnunetVersion]: "1" },
      [],
    ],
  ])("reports %s", (_what, labels, told) => {
    expect(departuresFromNnunet({ ...defaults, ...labels })).toEqual(told);
  });

  test("reports nothing for an image without these labels", () => {
    expect(departuresFromNnunet({})).toEqual([]);
  });
});
