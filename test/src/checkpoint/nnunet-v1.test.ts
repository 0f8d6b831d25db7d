import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { describeModel } from "../../../src/checkpoint/nnunet-formats.js";
import { trainerFacts } from "../../../src/checkpoint/nnunet-v1/trainer-facts.js";
import { readTrainingRecord } from "../../../src/checkpoint/nnunet-v1/training-record.js";
import { goldenPath, repositoryRoot } from "../../support/golden.js";
import { modelIn } from "../../support/model/model-in.js";
import { PickleWriter } from "../../support/model/pickle-writer.js";
import { scratchFolder } from "../../support/oci/oci-scratch.js";

const describeFolder = async (modelDir: string) => describeModel(await modelIn(modelDir));
const describeFixture = (name: string) =>
  describeFolder(join(repositoryRoot, "test", "fixtures", "networks_v1", name));

describe("a v1 training", () => {
  test("gives what inference needs, by v1's own rules", async () => {
    expect(await describeFolder(goldenPath("v1", "mr_3d_fullres", "model"))).toMatchObject({
      trainer: "nnUNetTrainerV2",
      plansName: "nnUNetPlansv2.1",
      configuration: "3d_fullres",
      channelNames: ["T1", "T2"],
      labels: { foregroundLabels: [1, 2, 3], regionsClassOrder: null, ignoreLabel: null },
      previousStage: null,
      plan: {
        dimensions: 3,
        patchSize: [12, 48, 48],
        normalizeFirst: false,
        normalization: [
          { scheme: "ZScoreNormalizationV1", useMask: true, intensity: null },
          { scheme: "ZScoreNormalizationV1", useMask: true, intensity: null },
        ],
        resampleData: { method: "spline", order: 3, orderZ: 0, forceSeparateZ: null },
        resampleProbabilities: { method: "spline", order: 1, orderZ: 0, forceSeparateZ: null },
        averaging: "probabilities",
        gaussianForSingleWindow: false,
        mirrorAxes: [0, 1, 2],
        fileEnding: ".nii.gz",
      },
      network: { architecture: "Generic_UNet", inputChannels: 2, outputChannels: 4 },
    });
  });

  test("of CT keeps the training set's intensities; a 2-D one resamples two axes", async () => {
    const { plan } = await describeFolder(goldenPath("v1", "blobs_2d", "model"));
    expect(plan.normalization[0]).toMatchObject({
      scheme: "CTNormalizationV1",
      intensity: { percentile005: 44 },
    });
    expect(plan.spacingMm).toHaveLength(2);
    expect(plan.mirrorAxes).toEqual([0, 1]);
  });

  test("of a cascade has one channel per label of the previous stage", async () => {
    const { previousStage, network } = await describeFolder(
      goldenPath("v1", "cascade_3d_cascade_fullres", "model"),
    );
    expect(previousStage).toBe("3d_lowres");
    expect(network.inputChannels).toBe(3);
  });

  test("has one head per region if it was trained with BraTS regions", async () => {
    const { labels, network } = await describeFixture("generic_regions");
    expect(network).toMatchObject({ outputChannels: 3, normalization: { kind: "batch" } });
    expect(labels.regionsClassOrder).toEqual([1, 2, 3]);
    expect(labels.names).toEqual([
      { name: "background", value: 0 },
      { name: "whole tumor", value: [1, 2, 3] },
      { name: "tumor core", value: [2, 3] },
      { name: "enhancing tumor", value: [3] },
    ]);
  });

  test("shifts the decoder's kernels by one stage, but not in a residual network", async () => {
    const { network } = await describeFixture("generic_anisotropic");
    expect(network.decoder.map(({ kernel }) => kernel)).toEqual([
      [3, 3, 3],
      [3, 3, 3],
      [1, 3, 3],
    ]);
    const fabians = await describeFixture("fabians");
    expect(fabians.network.decoder.map(({ kernel }) => kernel)).toEqual([
      [3, 3, 3],
      [3, 3, 3],
      [1, 3, 3],
    ]);
    expect(fabians.network.stages.map(({ blocks }) => blocks)).toEqual([1, 2, 3, 1]);
  });
});

describe("a v1 training record is read by the position of the trainer's arguments:", () => {
  const output = "/data/my__results/nnUNet/3d_lowres/Task007_Pancreas/nnUNetTrainerV2__myPlans";
  const found = {
    configuration: "3d_lowres",
    datasetName: "Task007_Pancreas",
    plansName: "myPlans",
    stage: "1",
  };
  /** Creates a `.model.pkl` whose trainer got these arguments, each written by its opcodes. */
  const record = async (args: (writer: PickleWriter) => PickleWriter) => {
    const file = join(scratchFolder(), "model_final_checkpoint.model");
    const writer = new PickleWriter()
      .raw("}(")
      .string("name")
      .string("nnUNetTrainerV2")
      .string("init")
      .raw("(");
    args(writer).raw("t").string("plans").raw("}(").string("plans_per_stage").raw("}(");
    for (const stage of [0, 1]) {
      writer
        .integer(stage)
        .raw("}")
        .string("patch_size")
        .raw("](")
        .integer(8)
        .integer(8)
        .integer(8)
        .raw("es");
    }
    writeFileSync(`${file}.pkl`, writer.raw("uuu").finish());
    return readTrainingRecord(file);
  };

  test.each([
    [
      "plans in a folder with __",
      (writer: PickleWriter) => writer.string("/a__b/c__d/plans.pkl").integer(0).string(output),
    ],
    [
      "a training on several GPUs",
      (writer: PickleWriter) => writer.string("/a__b/plans.pkl").integer(0).integer(3).string(output),
    ],
  ])("%s", async (_, start) => {
    const read = await record((writer) => start(writer).string("/data/x__y").opcode(0x88).integer(1));
    expect(read).toMatchObject(found);
  });

  test("an output folder that is not a string", async () => {
    const read = await record((writer) =>
      writer.string("/a__b/plans.pkl").integer(0).global("pathlib", "PosixPath").raw(")RNN").integer(0),
    );
    expect(read).toMatchObject({ configuration: "3d_lowres", datasetName: null, stage: "0" });
  });
});

describe("a v1 trainer's name determines", () => {
  test.each([
    ["nnUNetTrainerV2", { isCascade: false, doesMirror: true, regions: null, isActivationFirst: false }],
    ["nnUNetTrainerV2CascadeFullRes", { isCascade: true }],
    ["nnUNetTrainerCascadeFullRes", { isCascade: true }],
    ["nnUNetTrainerV2_noMirroring", { doesMirror: false }],
    ["nnUNetTrainerV2_noDataAugmentation", { doesMirror: false }],
    ["nnUNetTrainerNoDA", { doesMirror: false }],
    ["nnUNetTrainerV2_insaneDA", { doesMirror: true }],
    ["nnUNetTrainerV2_DA3_BN", { doesMirror: true }],
    ["nnUNetTrainerV2BraTSRegions_BN", { regions: null }],
    ["nnUNetTrainerV2_ReLU_convReLUIN", { isActivationFirst: true, activation: { kind: "relu", slope: 0 } }],
    [
      "nnUNetTrainerV2_lReLU_convReLUIN",
      { isActivationFirst: true, activation: { kind: "leakyRelu", slope: 0.01 } },
    ],
    ["nnUNetTrainerV2_GeLU", { activation: { kind: "gelu", approximation: "none" }, normGroups: null }],
    ["nnUNetTrainerV2_Mish", { activation: { kind: "mish" } }],
    ["nnUNetTrainerV2_GN", { activation: { kind: "leakyRelu", slope: 0.01 }, normGroups: 8 }],
    ["nnUNetTrainerV2_FRN", { activation: null, normGroups: null }],
    ["nnUNetTrainerV2_LReLU_slope_2en1", { activation: { kind: "leakyRelu", slope: 0.2 } }],
  ])("%s", (trainer, facts) => {
    expect(trainerFacts(trainer)).toMatchObject(facts);
  });

  test.each(["nnUNetTrainerV2BraTSRegions", "nnUNetTrainerV2BraTSRegions_DA4_BN_BD"])(
    "regions: %s",
    (trainer) => {
      expect(trainerFacts(trainer).regions).toHaveLength(3);
    },
  );
});
