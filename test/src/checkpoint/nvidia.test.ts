import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Field } from "../../../src/checkpoint/fields.js";
import { describeModel } from "../../../src/checkpoint/nnunet-formats.js";
import { readConfigPickle } from "../../../src/checkpoint/nvidia/config-pickle.js";
import { nvidiaStrides, readNvidiaNetwork } from "../../../src/checkpoint/nvidia/network-plan.js";
import { type NvidiaOptions, noNvidiaOptions } from "../../../src/checkpoint/nvidia/nvidia-options.js";
import { readLightning } from "../../../src/checkpoint/nvidia/read-lightning.js";
import { findNvidiaModel } from "../../../src/models/find-nvidia-model.js";
import { initialNvidia } from "../../../src/models/initial-nvidia.js";
import { anyModel } from "../../../src/models/model-query.js";
import { buildNetwork } from "../../../src/onnx/build-network.js";
import { goldenPath, repositoryRoot } from "../../support/golden.js";
import { nvidiaCases, nvidiaModels, readExpected } from "../../support/model/nvidia-case.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nvidia-model-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const ckptName = "epoch=9-dice=73.21.ckpt";
const modelDir = (name: string): string => goldenPath("nvidia", name, "model");
const fixture = (name: string): string => join(repositoryRoot, "test", "fixtures", "nvidia", `${name}.ckpt`);
const read = (checkpointFile: string) => readLightning({ fold: "0", checkpointFile, range: null });

async function describeIn(path: string, options: Partial<NvidiaOptions> = {}) {
  const model = await findNvidiaModel(path, anyModel, { ...noNvidiaOptions, ...options });
  return describeModel(model!);
}

/** Reads a golden checkpoint with its config.pkl, as a network's sources. */
async function sources(name: string) {
  const { args, weights } = await read(join(modelDir(name), ckptName));
  const config = await readConfigPickle(join(modelDir(name), "config.pkl"));
  return { args, weights, config, source: ckptName };
}

describe("the network follows from the names and shapes of its tensors", () => {
  test.each(nvidiaCases)("%s", async (name) => {
    const expected = readExpected(name);
    const network = readNvidiaNetwork(await sources(name));
    expect(network.stages.map(({ stride }) => stride)).toEqual(expected.strides);
    expect(network.stages.map(({ features }) => features)).toEqual(expected.filters);
  });

  test.each([
    { name: "halves axes of similar spacing", patch: [128, 128, 128], spacing: [1, 1, 1], count: 6 },
    { name: "goes on with half sizes", patch: [20, 320, 256], spacing: [3.6, 0.62, 0.62], count: 6 },
    { name: "stops at the smallest feature map", patch: [32, 32, 32], spacing: [1, 1, 1], count: 4 },
  ])("NVIDIA's rule for strides $name", ({ patch, spacing, count }) => {
    const strides = nvidiaStrides({ patchSize: patch, spacingsMm: spacing }, { depth: 5, smallest: 4 });
    expect(strides).toHaveLength(count);
  });
});

describe("a checkpoint that does not fit is refused", () => {
  test.each([
    { name: "mixed", code: "CHECKPOINT_UNSUPPORTED", says: /mixes number formats: .* float16/ },
    { name: "other_program", code: "CHECKPOINT_UNSUPPORTED", says: /but not of NVIDIA's nnU-Net/ },
  ])("$name", async ({ name, code, says }) => {
    await expect(read(fixture(name))).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
  });

  test("a UNETR is named", async () => {
    const { args, weights } = await read(fixture("unetr"));
    const { config } = await sources("mr_2d_dynunet");
    const reading = () => readNvidiaNetwork({ args, weights, config, source: "unetr.ckpt" });
    expect(reading).toThrow(/UNETR/);
  });

  test("a config.pkl of another training", async () => {
    const { config } = await sources("mr_3d_own_unet_2110");
    const reading = async () => readNvidiaNetwork({ ...(await sources("ct_3d_aniso_gaussian")), config });
    await expect(reading()).rejects.toMatchObject({
      code: "TENSOR_MISMATCH",
      message: expect.stringContaining("Is config.pkl of this training?"),
    });
  });

  test.each([
    {
      name: "a tensor too many",
      change: (all: Map<string, never>) => all.set("extra.weight", { shape: [2] } as never),
      says: /extra\.weight \(2\) has no place/,
    },
    {
      name: "a tensor too few",
      change: (all: Map<string, never>) => all.delete("upsamples.0.conv_block.norm2.bias"),
      says: /norm2\.bias \(16\) is missing/,
    },
  ])("$name", async ({ change, says }) => {
    const all = await sources("mr_2d_dynunet");
    const weights = new Map(all.weights);
    change(weights as Map<string, never>);
    const plan = readNvidiaNetwork(all);
    expect(() => buildNetwork({ plan, weights, trainer: "NVIDIA nnU-Net", source: ckptName })).toThrow(says);
  });
});

describe("what no file says must come from the user", () => {
  test("every missing fact is listed at once", async () => {
    await cp(join(modelDir("ct_3d_dynunet_2022"), ckptName), join(folder, ckptName));
    await expect(describeIn(folder)).rejects.toMatchObject({
      code: "NVIDIA_FACTS_MISSING",
      message: expect.stringMatching(/nvidia\.config: .*\n.*nvidia\.modality: /),
    });
  });

  test("CT needs its statistics, or a row of NVIDIA's table", async () => {
    await expect(describeIn(modelDir("ct_3d_dynunet_2022"))).rejects.toMatchObject({
      code: "NVIDIA_FACTS_MISSING",
      message: expect.stringContaining("nvidia.ct:"),
    });
    const { plan } = await describeIn(modelDir("ct_3d_dynunet_2022"), { task: "09" });
    expect(plan.normalization[0]?.intensity).toMatchObject({ mean: 99.29, percentile005: -41 });
  });

  test("without dataset.json, several channels need to know of the foreground channel", async () => {
    for (const name of [ckptName, "config.pkl"])
      await cp(join(modelDir("brats_3d_ohe"), name), join(folder, name));
    await expect(describeIn(folder, { modality: "MRI" })).rejects.toMatchObject({
      message: expect.stringContaining("nvidia.ohe:"),
    });
    const { channelNames } = await describeIn(folder, { modality: "MRI", ohe: true });
    expect(channelNames).toHaveLength(4);
  });

  test("the training's options are defaults, which the user may override", async () => {
    const dir = modelDir("mr_2d_dynunet");
    const { plan } = await describeIn(dir);
    expect(plan).toMatchObject({
      mirrorAxes: [0],
      nvidia: { overlap: 0.25, blend: "constant", brats: null },
    });
    const other = await describeIn(dir, { overlap: 0.5, blend: "gaussian", tta: "full", outputs: ["npy"] });
    expect(other.plan).toMatchObject({
      mirrorAxes: [0, 1],
      nvidia: { overlap: 0.5, blend: "gaussian", outputs: ["npy"] },
    });
  });

  test("a first config.json has what is known, and the rest is named", async () => {
    const model = await findNvidiaModel(modelDir("ct_3d_dynunet_2022"), anyModel, noNvidiaOptions);
    const { options, missing } = await initialNvidia(model!);
    expect(options).toMatchObject({ modality: "CT", overlap: 0.25, blend: "constant", ct: null, task: null });
    expect(missing).toHaveLength(1);
    expect(missing[0]).toMatch(/^ct: /);
  });
});

describe("checkpoints are found", () => {
  async function put(path: string): Promise<void> {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await cp(join(modelDir("mr_2d_dynunet"), ckptName), join(folder, path));
    await cp(join(modelDir("mr_2d_dynunet"), "config.pkl"), join(folder, "config.pkl"));
  }
  const find = (path = folder) => findNvidiaModel(path, anyModel, noNvidiaOptions);

  test("as a file, with the config.pkl next to it", async () => {
    await put("a=1.ckpt");
    const model = await find(join(folder, "a=1.ckpt"));
    expect(model).toMatchObject({ configuration: "2d", nvidia: { configFile: join(folder, "config.pkl") } });
  });

  test("in the folder `checkpoints`, where last.ckpt is used only if it is the only one", async () => {
    await put("checkpoints/last.ckpt");
    expect((await find())?.checkpointName).toBe("last.ckpt");
    await put("checkpoints/epoch=3-dice=70.00.ckpt");
    expect((await find())?.checkpointName).toBe("epoch=3-dice=70.00.ckpt");
  });

  test("but two of one fold are ambiguous", async () => {
    await put("a/x.ckpt");
    await put("b/y.ckpt");
    await expect(find()).rejects.toMatchObject({
      code: "MODEL_AMBIGUOUS",
      message: expect.stringContaining("x.ckpt, y.ckpt"),
    });
  });

  test("and a folder without any has no such model", async () => {
    await writeFile(join(folder, "plans.json"), "{}");
    expect(await find()).toBeNull();
  });

  test("each fold is a model of its own, because probabilities are averaged", async () => {
    const { members } = await nvidiaModels(modelDir("mr_2d_dynunet"), noNvidiaOptions);
    expect(members.map(({ model }) => model.folds.length)).toEqual([1]);
  });
});

test("a Namespace of argparse is read as its attributes, and classes that are only named pass", async () => {
  const { args } = await read(join(modelDir("ct_3d_aniso_gaussian"), ckptName));
  expect(args).toBeInstanceOf(Field);
  expect(args.get("min_fmap").integer()).toBe(4);
});
