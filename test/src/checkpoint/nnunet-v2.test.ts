import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Field } from "../../../src/checkpoint/fields.js";
import type { ModelDescription } from "../../../src/checkpoint/model-description.js";
import { describeModel } from "../../../src/checkpoint/nnunet-formats.js";
import { readLabels } from "../../../src/checkpoint/nnunet-v2/label-definition.js";
import { trainerArchitecture } from "../../../src/checkpoint/nnunet-v2/trainer-architecture.js";
import { repositoryRoot } from "../../support/golden.js";
import { type ModelEdit, withEditedModel } from "../../support/model/edited-model.js";
import { modelIn } from "../../support/model/model-in.js";

const fixture = "networks/plain_3d_thirds";

const describeEdited = (edit: ModelEdit): Promise<ModelDescription> =>
  withEditedModel(fixture, edit, async (modelDir) => describeModel(await modelIn(modelDir)));

const odd = "plans.configurations.odd";
const kwargs = `${odd}.architecture.arch_kwargs`;

describe("plans.json", () => {
  test("gives what inference needs, in our terms", async () => {
    const description = await describeEdited({});
    expect(description).toMatchObject({
      trainer: "nnUNetTrainer",
      plansName: "nnUNetPlans",
      configuration: "odd",
      channelNames: ["T1", "T2"],
      previousStage: null,
      plan: {
        dimensions: 3,
        patchSize: [9, 12, 9],
        transposeForward: [0, 1, 2],
        normalization: [
          { scheme: "ZScoreNormalization", useMask: false, intensity: null },
          { scheme: "NoNormalization", useMask: false, intensity: null },
        ],
        normalizeFirst: true,
        resampleData: { method: "spline", order: 3, orderZ: 0, forceSeparateZ: null },
        resampleSegmentation: { method: "spline", order: 1, orderZ: 0, forceSeparateZ: null },
        averaging: "logits",
        gaussianForSingleWindow: true,
        mirrorAxes: [0, 1],
        imageReader: "SimpleITKIO",
        fileEnding: ".nii.gz",
      },
      network: { architecture: "PlainConvUNet", inputChannels: 2, outputChannels: 3 },
    });
  });

  test("inherits key by key, over several levels, and makes a cascade's second stage", async () => {
    const grandparent = JSON.parse(
      readFileSync(join(repositoryRoot, "test/fixtures", fixture, "plans.json"), "utf8"),
    ).configurations.odd as object;
    const { plan, network, previousStage } = await describeEdited({
      json: {
        "plans.configurations.grandparent": {
          ...grandparent,
          spacing: [9, 9, 9],
          use_mask_for_norm: [true, true],
        },
        "plans.configurations.parent": { inherits_from: "grandparent", spacing: [2, 2, 2] },
        [odd]: { inherits_from: "parent", use_mask_for_norm: [true, false], previous_stage: "3d_lowres" },
      },
    });
    expect(plan.spacingMm).toEqual([2, 2, 2]);
    expect(plan.normalization.map(({ useMask }) => useMask)).toEqual([true, false]);
    expect(previousStage).toBe("3d_lowres");
    // Two images and one channel for each of the two foreground labels.
    expect(network.inputChannels).toBe(4);
  });

  test("reads the older name of the intensities, and Python's NaN where they are not needed", async () => {
    const properties = { mean: 1, std: 2, percentile_00_5: -3, percentile_99_5: 4 };
    const { plan } = await describeEdited({
      json: {
        [`${odd}.normalization_schemes`]: ["CTNormalization", "NoNormalization"],
        "plans.foreground_intensity_properties_per_channel": undefined,
        "plans.foreground_intensity_properties_by_modality": { "0": properties, "1": "NOT_A_NUMBER" },
      },
      folder: (modelDir) => {
        const file = join(modelDir, "plans.json");
        writeFileSync(
          file,
          readFileSync(file, "utf8").replace('"NOT_A_NUMBER"', '{"mean": NaN, "std": -Infinity}'),
        );
      },
    });
    expect(plan.normalization[0]?.intensity).toEqual({
      mean: 1,
      std: 2,
      percentile005: -3,
      percentile995: 4,
    });
  });

  test.each([
    ["resample_data_or_seg_to_shape", {}, { method: "spline", order: 3, orderZ: 0, forceSeparateZ: false }],
    [
      "resample_torch_fornnunet",
      { is_seg: false },
      { method: "torch", order: 1, orderZ: 0, forceSeparateZ: null },
    ],
    ["resample_torch_simple", {}, { method: "torch", order: 1, orderZ: 0, forceSeparateZ: false }],
    ["no_resampling_hack", {}, { method: "none" }],
  ])("%s without arguments has the defaults of nnU-Net's own function", async (name, fnKwargs, expected) => {
    const { plan } = await describeEdited({
      json: { [`${odd}.resampling_fn_data`]: name, [`${odd}.resampling_fn_data_kwargs`]: fnKwargs },
    });
    expect(plan.resampleData).toMatchObject(expected);
  });
});

test("a threshold of anisotropy other than nnU-Net's is kept", async () => {
  const { plan } = await describeEdited({
    json: { [`${odd}.resampling_fn_data_kwargs.separate_z_anisotropy_threshold`]: 2 },
  });
  expect(plan.resampleData.anisotropyThreshold).toBe(2);
  expect(plan.resampleProbabilities).not.toHaveProperty("anisotropyThreshold");
});

test("the plans' rules for segmentations apply only in a cascade's second stage", async () => {
  const { plan } = await describeEdited({
    json: { [`${odd}.resampling_fn_seg_kwargs.is_seg`]: false },
  });
  expect(plan.resampleSegmentation.order).toBe(1);
});

describe("an unsupported part is refused by name:", () => {
  test.each<[name: string, json: Record<string, unknown>, code: string, message: string]>([
    [
      "a network class",
      { [`${odd}.architecture.network_class_name`]: "my.networks.SwinUNETR" },
      "ARCHITECTURE_UNKNOWN",
      "my.networks.SwinUNETR",
    ],
    [
      "a network class of old plans",
      { [`${odd}.architecture`]: undefined, [`${odd}.UNet_class_name`]: "MyUNet" },
      "ARCHITECTURE_UNKNOWN",
      "MyUNet",
    ],
    [
      "JavaScript's own names as class",
      { [`${odd}.architecture.network_class_name`]: "x.constructor" },
      "ARCHITECTURE_UNKNOWN",
      "x.constructor",
    ],
    [
      "an argument of the class",
      { [`${kwargs}.squeeze_excitation`]: true },
      "PLANS_UNSUPPORTED",
      "squeeze_excitation",
    ],
    ["a norm", { [`${kwargs}.norm_op`]: "torch.nn.GroupNorm" }, "PLANS_UNSUPPORTED", "torch.nn.GroupNorm"],
    ["an activation", { [`${kwargs}.nonlin`]: "torch.nn.PReLU" }, "PLANS_UNSUPPORTED", "torch.nn.PReLU"],
    ["a convolution", { [`${kwargs}.conv_op`]: "torch.nn.Conv1d" }, "PLANS_UNSUPPORTED", "torch.nn.Conv1d"],
    [
      "a normalisation",
      { [`${odd}.normalization_schemes`]: ["NoNormalization", "MyNormalization"] },
      "PLANS_UNSUPPORTED",
      "MyNormalization; known: CTNormalization",
    ],
    ["a resampling", { [`${odd}.resampling_fn_seg`]: "my_resampling" }, "PLANS_UNSUPPORTED", "my_resampling"],
    [
      "an argument of a resampling",
      {
        [`${odd}.resampling_fn_data`]: "resample_torch_fornnunet",
        [`${odd}.resampling_fn_data_kwargs`]: { mode: "bicubic" },
      },
      "PLANS_UNSUPPORTED",
      "bicubic",
    ],
    ["a spline's order", { [`${odd}.resampling_fn_data_kwargs.order`]: 6 }, "PLANS_UNSUPPORTED", "is 6"],
    [
      "images that are resampled like labels",
      { [`${odd}.resampling_fn_data_kwargs.is_seg`]: true },
      "PLANS_UNSUPPORTED",
      "is_seg must be false",
    ],
    [
      "a cascade's labels that are resampled like an image",
      { [`${odd}.previous_stage`]: "3d_lowres", [`${odd}.resampling_fn_seg_kwargs.is_seg`]: false },
      "PLANS_UNSUPPORTED",
      "is_seg must be true",
    ],
    [
      "a network whose first stage makes its output smaller than the patch",
      { [`${kwargs}.strides.0`]: [1, 2, 2] },
      "PLANS_UNSUPPORTED",
      "begins with 1×2×2",
    ],
    ["a reader", { "plans.image_reader_writer": "MyReader" }, "PLANS_UNSUPPORTED", "MyReader"],
    [
      "a preprocessor",
      { [`${odd}.preprocessor_name`]: "MyPreprocessor" },
      "PLANS_UNSUPPORTED",
      "MyPreprocessor",
    ],
    ["a label manager", { "plans.label_manager": "MyLabels" }, "PLANS_UNSUPPORTED", "MyLabels"],
  ])("%s", async (_, json, code, message) => {
    const attempt = describeEdited({ json });
    await expect(attempt).rejects.toMatchObject({ code });
    await expect(attempt).rejects.toThrow(message);
  });
});

describe("a trainer that builds its own network is known by name:", () => {
  test.each([
    ["nnUNet_Primus_S_Trainer", "Primus"],
    ["nnUNet_Primus_M_Trainer_BS8_2e4", "Primus"],
    ["nnUNet_PrimusV2B_Trainer", "PrimusV2B"],
    ["nnUNet_PrimusV3L_Trainer", "PrimusV3L"],
    ["_Primus_L_48_BS1", "Primus"],
    ["nnUNetTrainer", null],
    ["nnUNet_Trainer_BS8", null],
    ["nnUNetTrainerBN", null],
    ["nnUNetTrainerPrimus", null],
  ])("%s", (trainer, architecture) => {
    expect(trainerArchitecture(trainer)).toBe(architecture);
  });

  test("also if plans.json names a known network", async () => {
    const attempt = describeEdited({
      folder: (modelDir) => {
        const file = join(modelDir, "fold_0", "checkpoint_final.pth");
        const text = readFileSync(file).toString("latin1");
        // In the pickle, the length precedes a text.
        const trainer = (name: string) => `X${String.fromCharCode(name.length)}\0\0\0${name}`;
        expect(text).toContain(trainer("nnUNetTrainer"));
        writeFileSync(
          file,
          Buffer.from(text.replace(trainer("nnUNetTrainer"), trainer("_PrimusV2S_x_")), "latin1"),
        );
      },
    });
    await expect(attempt).rejects.toMatchObject({ code: "ARCHITECTURE_UNKNOWN" });
    await expect(attempt).rejects.toThrow(
      "the trainer _PrimusV2S_x_ builds the network PrimusV2S, not the one in plans.json",
    );
  });
});

describe("contradictory plans and data sets are MODEL_FILE_INVALID with the position:", () => {
  test.each<[name: string, json: Record<string, unknown>, message: string]>([
    ["no such configuration", { "plans.configurations": { "2d": {} } }, "no configuration odd; it has 2d"],
    ["inheritance in a circle", { [`${odd}.inherits_from`]: "odd" }, "odd inherits from itself"],
    ["a missing field", { [`${odd}.spacing`]: undefined }, "odd.spacing should be a list, but is missing"],
    ["a field that is null", { [`${odd}.spacing`]: null }, "odd.spacing should be a list, but is null"],
    [
      "channel names that are null",
      { "dataset.channel_names": null },
      "dataset.json.channel_names should be a dictionary, but is null",
    ],
    [
      "no channel names",
      { "dataset.channel_names": undefined },
      "dataset.json.channel_names should be a dictionary, but is missing",
    ],
    [
      "a field of another type",
      { [`${odd}.patch_size`]: ["a"] },
      "patch_size[0] should be a number, but is a",
    ],
    [
      "fewer kernels than stages",
      { [`${kwargs}.kernel_sizes`]: [3, 3] },
      "kernel_sizes has 2 entries, not 3",
    ],
    ["a stride of two axes", { [`${kwargs}.strides.1`]: [2, 2] }, "strides[1] has 2 entries, not 3"],
    ["a stride of zero", { [`${kwargs}.strides.1.0`]: 0 }, "strides[1][0] is 0"],
    [
      "patch and spacing of different axes",
      { [`${odd}.spacing`]: [1, 1] },
      "patch_size has 3 axes, spacing 2",
    ],
    ["an invalid order of axes", { "plans.transpose_forward": [0, 0, 1] }, "transpose_forward"],
    ["channels without normalisation", { "dataset.channel_names.2": "FLAIR" }, "2 normalization_schemes"],
    ["no channels", { "dataset.channel_names": {} }, "should name at least one channel"],
    ["no background", { "dataset.labels": { liver: 1 } }, "must name background"],
  ])("%s", async (_, json, message) => {
    const attempt = describeEdited({ json });
    await expect(attempt).rejects.toMatchObject({ code: "MODEL_FILE_INVALID" });
    await expect(attempt).rejects.toThrow(message);
  });

  test.each([
    ["plans.json", "{"],
    ["dataset.json", '"text"'],
  ])("a broken %s", async (name, content) => {
    const attempt = describeEdited({ folder: (modelDir) => writeFileSync(join(modelDir, name), content) });
    await expect(attempt).rejects.toMatchObject({ code: "MODEL_FILE_INVALID" });
    await expect(attempt).rejects.toThrow(name);
  });
});

describe("channel names are counted and used in the order of the file, regardless of their keys:", () => {
  test.each([
    ["numbers from 1", '{"1": "T1", "2": "T2"}', ["T1", "T2"]],
    ["numbers in another order", '{"2": "T2", "1": "T1"}', ["T2", "T1"]],
    ["numbers with a gap and zeros", '{"0000": "T1", "0002": "T2"}', ["T1", "T2"]],
    ["names with their normalisation", '{"CT": "CT", "PET": "CT"}', ["CT", "PET"]],
    ["names with a number", '{"R": 0, "__proto__": "1"}', ["R", "__proto__"]],
    ["a list", '["T1", "T2"]', ["T1", "T2"]],
    ["values that are not names", '{"0": null, "1": 7}', ["null", "7"]],
  ])("%s", async (_, json, names) => {
    const { channelNames, network } = await describeEdited({
      folder: (modelDir) => {
        const file = join(modelDir, "dataset.json");
        const dataset = JSON.parse(readFileSync(file, "utf8")) as object;
        const text = JSON.stringify({ ...dataset, channel_names: "NAMES" });
        writeFileSync(file, text.replace('"NAMES"', json));
      },
    });
    expect(channelNames).toEqual(names);
    expect(network.inputChannels).toBe(2);
  });

  test("and labels called by numbers stay in the order of the file", async () => {
    const { labels } = await describeEdited({
      folder: (modelDir) => {
        const file = join(modelDir, "dataset.json");
        const dataset = JSON.parse(readFileSync(file, "utf8")) as object;
        const text = JSON.stringify({ ...dataset, labels: "LABELS" });
        writeFileSync(file, text.replace('"LABELS"', '{"background": 0, "11": 2, "3": 1}'));
      },
    });
    expect(labels.names.map(({ name }) => name)).toEqual(["background", "11", "3"]);
  });
});

describe("labels follow the rules of nnU-Net's LabelManager:", () => {
  const read = (labels: unknown, more: object = {}) =>
    readLabels(new Field({ labels, ...more }, "dataset.json"));

  test.each([
    { name: "plain", labels: { background: 0, b: 2, a: 1 }, heads: 3, foreground: [1, 2] },
    { name: "with gaps", labels: { background: 0, a: 7 }, heads: 2, foreground: [7] },
    { name: "as v1 writes them", labels: { "0": "background", "1": "liver" }, heads: 2, foreground: [1] },
    { name: "as strings", labels: { background: "0", a: "1" }, heads: 2, foreground: [1] },
    {
      name: "without an ignore label: null",
      labels: { background: 0, a: 1, ignore: null },
      heads: 2,
      foreground: [1],
    },
    { name: "with lists of one", labels: { background: 0, a: [1], b: 2 }, heads: 3, foreground: [1, 2] },
  ])("$name", ({ labels, heads, foreground }) => {
    const result = read(labels);
    expect(result.heads).toBe(heads);
    expect(result.definition).toMatchObject({
      foregroundLabels: foreground,
      regionsClassOrder: null,
      ignoreLabel: null,
    });
  });

  test("an ignore label has no head", () => {
    const { heads, definition } = read({ background: 0, a: 1, b: 2, ignore: 3 });
    expect(heads).toBe(3);
    expect(definition).toMatchObject({ foregroundLabels: [1, 2], ignoreLabel: 3 });
  });

  test("regions have a head each, without background and ignore label", () => {
    const labels = { background: 0, whole: [1, 2, 3], core: [2, 3], enhancing: 3, ignore: 4 };
    const { heads, definition } = read(labels, { regions_class_order: [1, 2, 3] });
    expect(heads).toBe(3);
    expect(definition).toMatchObject({
      foregroundLabels: [1, 2, 3],
      regionsClassOrder: [1, 2, 3],
      ignoreLabel: 4,
    });
    expect(definition.names.map(({ name }) => name)).toEqual([
      "background",
      "whole",
      "core",
      "enhancing",
      "ignore",
    ]);
  });

  test.each([
    [
      "an ignore label below another",
      { background: 0, ignore: 1, a: 2 },
      {},
      "must be one above the highest",
    ],
    ["an ignore label of several values", { background: 0, a: 1, ignore: [2, 3] }, {}, "must be one value"],
    ["a background that is not 0", { background: 1, a: 2 }, {}, "background, with value 0"],
    ["regions without order", { background: 0, a: [1, 2] }, {}, "regions_class_order is missing"],
    [
      "regions with a short order",
      { background: 0, a: [1, 2], b: 2 },
      { regions_class_order: [1] },
      "1 entry for 2 regions",
    ],
    ["a label that is not a number", { background: 0, a: "one" }, {}, "labels.a should be a number"],
  ])("%s is refused", (_, labels, more, message) => {
    expect(() => read(labels, more)).toThrow(message);
  });
});
