import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { layerFile } from "../../../src/image/image-plan.js";
import { inspectSource } from "../../../src/inspect/inspect-source.js";
import type {
  ConfigurationInspection,
  Inspection,
  ModelsInspection,
} from "../../../src/inspect/inspection.js";
import { openSourceContext } from "../../../src/model-source/open-model-source.js";
import { writeDockerArchive } from "../../../src/oci/write-image.js";
import { buildZip, type ZipPart } from "../../support/archive/zip-builder.js";
import { describeWithEngine, testEngine } from "../../support/docker/docker.js";
import { goldenPath, repositoryRoot } from "../../support/golden.js";
import { testSettings, withConvertedModel } from "../../support/model/convert.js";
import { withEditedModel } from "../../support/model/edited-model.js";
import { PickleWriter } from "../../support/model/pickle-writer.js";
import { neverStopped } from "../../support/never-stopped.js";
import { assemble, scratchFolder, smallRootFileSystem } from "../../support/oci/oci-scratch.js";
import { testPlan } from "../../support/oci/test-plan.js";

const fixtures = join(repositoryRoot, "test", "fixtures");

async function inspect(address: string, cacheFolder = join(scratchFolder(), "cache")): Promise<Inspection> {
  return inspectSource(address, {
    openContext: () =>
      openSourceContext({
        cacheFolder,
        progress: silentProgress,
        lockFile: null,
        zenodoMirror: null,
        signal: neverStopped(),
      }),
    environment: { ...process.env },
    currentDirectory: repositoryRoot,
    lockFile: join(cacheFolder, "processor.lock.json"),
    progress: silentProgress,
    signal: new AbortController().signal,
    nvidia: null,
  });
}

async function inspectModels(address: string, cacheFolder?: string): Promise<ModelsInspection> {
  const inspection = await inspect(address, cacheFolder);
  if (inspection.kind !== "models") throw new Error(`${address} is said to be ${inspection.kind}`);
  return inspection;
}

const onlyModel = async (address: string): Promise<ConfigurationInspection> => {
  const { models } = await inspectModels(address);
  expect(models).toHaveLength(1);
  return models[0]!;
};

describe("a model folder is described with", () => {
  test("all facts of a v2 training", async () => {
    expect(await onlyModel(goldenPath("v2", "mr_regions_resenc_3d", "model"))).toMatchObject({
      ...{ path: "", nnunetVersion: 2, task: { id: 502, name: "MRRegions" }, configuration: "3d_fullres" },
      ...{ trainer: "nnUNetTrainer_1epoch", plansName: "nnUNetTinyResEncPlans" },
      checkpointName: "checkpoint_final.pth",
      folds: [{ fold: "0", files: [{ name: "checkpoint_final.pth", sizeBytes: expect.any(Number) }] }],
      network: { architecture: "ResidualEncoderUNet", inputChannels: 2, outputChannels: 3 },
      ...{ patchSize: [12, 48, 48], mirrorAxes: [0, 1, 2], fileEnding: ".mha", imageReader: "SimpleITKIO" },
      channels: [
        { name: "T1", normalization: "ZScoreNormalization" },
        { name: "T2", normalization: "ZScoreNormalization" },
      ],
      labels: { regionsClassOrder: [1, 2, 3] },
      ...{ postProcessing: [], previousStage: null, problems: [] },
    });
  });

  test("all facts of a v1 training, including post-processing and the cascade's first stage", async () => {
    expect(await onlyModel(goldenPath("v1", "cascade_3d_cascade_fullres", "model"))).toMatchObject({
      ...{ nnunetVersion: 1, datasetName: "Task503_Cascade", configuration: "3d_cascade_fullres" },
      network: { architecture: "Generic_UNet", inputChannels: 3 },
      ...{ previousStage: "3d_lowres", postProcessing: [], problems: [] },
    });
  });

  test("as many parameters as the converted network has", async () => {
    const modelDir = join(fixtures, "networks", "plain_batchnorm_relu");
    const { network } = await onlyModel(modelDir);
    await withConvertedModel(modelDir, async ({ manifest }) =>
      expect(manifest.models[0]!.network).toMatchObject({ ...network }),
    );
  });
});

describe("a model that cannot be built is described with its problem and all other facts", () => {
  test("a custom network class: how to pass it as ONNX", async () => {
    const json = {
      "plans.configurations.odd.architecture.network_class_name": "my_package.networks.SpecialUNet",
    };
    await withEditedModel("networks/plain_3d_thirds", { json }, async (modelDir) => {
      const { network, patchSize, channels, labels, problems, ...rest } = await onlyModel(modelDir);
      expect(network).toBeNull();
      expect(rest.checkpointParameters).toBeGreaterThan(1000);
      expect([patchSize, channels, labels]).not.toContain(null);
      expect(problems).toEqual([
        {
          code: "ARCHITECTURE_UNKNOWN",
          message: expect.stringContaining("SpecialUNet"),
          help: expect.stringContaining('"onnx"'),
        },
      ]);
    });
  });

  test("plans of another training", async () => {
    const json = { "plans.configurations.odd.architecture.arch_kwargs.features_per_stage": [3, 5, 7] };
    await withEditedModel("networks/plain_3d_thirds", { json }, async (modelDir) => {
      const { network, problems, patchSize } = await onlyModel(modelDir);
      expect({ network, code: problems[0]?.code }).toEqual({ network: null, code: "TENSOR_MISMATCH" });
      expect(patchSize).not.toBeNull();
    });
  });

  test("a truncated checkpoint next to a valid one", async () => {
    const tree = scratchFolder();
    const sound = join(tree, "Dataset001_A", "nnUNetTrainer__nnUNetPlans__3d_fullres");
    const broken = join(tree, "Dataset002_B", "nnUNetTrainer__nnUNetPlans__2d");
    for (const folder of [sound, broken])
      cpSync(goldenPath("v2", "blobs_3d_fullres", "model"), folder, { recursive: true });
    const checkpoint = join(broken, "fold_0", "checkpoint_final.pth");
    rmSync(checkpoint);
    writeFileSync(checkpoint, "PK\u0003\u0004");
    const { models } = await inspectModels(tree);
    expect(models.map(({ path, problems }) => [path, problems.length])).toEqual([
      [relative(tree, sound), 0],
      [relative(tree, broken), 1],
    ]);
    expect(models[1]).toMatchObject({
      ...{ datasetName: "Dataset002_B", configuration: "2d", network: null },
      problems: [{ code: "CHECKPOINT_TRUNCATED" }],
    });
  });

  test("a network that the trainer built instead of the plans", async () => {
    await withEditedModel("networks/plain_3d_thirds", {}, async (modelDir) => {
      const file = join(modelDir, "fold_0", "checkpoint_final.pth");
      // Names of the same length, so that only the stored member's bytes change.
      const renamed = readFileSync(file)
        .toString("latin1")
        .replaceAll("encoder.", "enkoder.")
        .replaceAll("decoder.", "dekoder.");
      writeFileSync(file, Buffer.from(renamed, "latin1"));
      const { network, problems } = await onlyModel(modelDir);
      expect({ network, code: problems[0]?.code }).toEqual({ network: null, code: "ARCHITECTURE_UNKNOWN" });
      expect(problems[0]?.message).toContain(
        "the trainer nnUNetTrainer built a different network from the PlainConvUNet",
      );
    });
  });

  test("one unfinished fold of two", async () => {
    const folder = (modelDir: string) => {
      cpSync(join(modelDir, "fold_0"), join(modelDir, "fold_1"), { recursive: true });
      renameSync(join(modelDir, "fold_1/checkpoint_final.pth"), join(modelDir, "fold_1/checkpoint_best.pth"));
      mkdirSync(join(modelDir, "fold_2"));
      writeFileSync(join(modelDir, "fold_2", "training_log.txt"), "");
    };
    await withEditedModel("networks/plain_3d_thirds", { folder }, async (modelDir) => {
      expect(await onlyModel(modelDir)).toMatchObject({
        checkpointName: "checkpoint_final.pth",
        problems: [],
        warnings: [
          "fold 1 has no checkpoint_final.pth, but checkpoint_best.pth: a build leaves it out",
          "fold 2 has no checkpoint_final.pth: a build leaves it out",
        ],
      });
    });
  });

  test("folds without a final checkpoint, which a build refuses", async () => {
    const folder = (modelDir: string) => {
      const fold = join(modelDir, "fold_0");
      cpSync(join(fold, "checkpoint_final.pth"), join(fold, "checkpoint_best.pth"));
      rmSync(join(fold, "checkpoint_final.pth"));
    };
    await withEditedModel("networks/plain_3d_thirds", { folder }, async (modelDir) => {
      expect(await onlyModel(modelDir)).toMatchObject({
        checkpointName: null,
        network: { architecture: "PlainConvUNet" },
        warnings: [],
        problems: [
          {
            code: "FOLD_MISSING",
            message: `${modelDir}: no fold has checkpoint_final.pth; fold_0 has checkpoint_best.pth`,
            help: expect.stringContaining("--checkpoint NAME"),
          },
        ],
      });
    });
  });
});

describe("an archive is described like its folder", () => {
  test.each([{ deflate: true }, { deflate: false }])("deflated: $deflate", async ({ deflate }) => {
    const model = goldenPath("v2", "blobs_3d_fullres", "model");
    const prefix = "Dataset501_Blobs/nnUNetTrainer__nnUNetPlans__3d_fullres";
    const files = readdirSync(model, { recursive: true, withFileTypes: true }).filter((file) =>
      file.isFile(),
    );
    const parts: ZipPart[] = files.map((file) => ({
      name: `${prefix}/${relative(model, join(file.parentPath, file.name))}`,
      data: readFileSync(join(file.parentPath, file.name)),
      deflate,
    }));
    const scratch = scratchFolder();
    writeFileSync(join(scratch, "export.bin"), buildZip(parts)); // a zip is recognised by its bytes
    const cache = join(scratch, "cache");
    const { models } = await inspectModels(join(scratch, "export.bin"), cache);
    const unpacked = await onlyModel(model);
    expect(models).toEqual([{ ...unpacked, path: prefix, datasetName: "Dataset501_Blobs" }]);
    const inCache = readdirSync(cache, { recursive: true }).map(String);
    expect(inCache.filter((path) => /fold_[1-9]\/checkpoint/.test(path))).toEqual([]);
  });
});

describe("a checkpoint by itself", () => {
  test("of v2 shows its trainer, data set and fold", async () => {
    const file = goldenPath("v2", "blobs_2d", "model", "fold_0", "checkpoint_final.pth");
    expect(await inspect(file)).toMatchObject({
      ...{ kind: "checkpoint", format: "zip", nnunetVersion: 2, trainer: "nnUNetTrainer_1epoch" },
      ...{ datasetName: "Dataset501_Blobs", configuration: "2d", fold: "0", epoch: 1, mirrorAxes: [0, 1] },
      problems: [],
    });
  });

  test("of v1 shows the trainer that the .pkl file next to it names", async () => {
    const file = goldenPath("v1", "blobs_2d", "model", "fold_0", "model_final_checkpoint.model");
    expect(await inspect(file)).toMatchObject({
      ...{ kind: "checkpoint", nnunetVersion: 1, trainer: "nnUNetTrainerV2", configuration: "2d" },
      problems: [],
    });
  });

  test("of another program is named as such", async () => {
    const file = join(scratchFolder(), "other.pt");
    const pickle = new PickleWriter().raw("}").finish();
    writeFileSync(file, buildZip([{ name: "archive/data.pkl", data: pickle }]));
    expect(await inspect(file)).toMatchObject({
      ...{ nnunetVersion: null, tensors: 0, problems: [{ code: "CHECKPOINT_UNSUPPORTED" }] },
    });
  });
});

describe("an ONNX file", () => {
  test("is described with its inputs and outputs", async () => {
    expect(await inspect(join(fixtures, "onnx", "fixed.onnx"))).toMatchObject({
      ...{ kind: "onnx", opset: 17, parameters: 243, externalFiles: [], problems: [] },
      inputs: [{ name: "image", shape: [1, 2, 8, 12, 16] }],
    });
  });

  test("whose weights are missing or truncated has a problem", async () => {
    await withConvertedModel(join(fixtures, "networks", "plain_3d_thirds"), async ({ folder }) => {
      const file = join(folder, "fold_0.onnx");
      expect(await inspect(file)).toMatchObject({ problems: [] });
      writeFileSync(join(folder, "fold_0.weights"), "short");
      expect(await inspect(file)).toMatchObject({ problems: [{ code: "MODEL_FILE_INVALID" }] });
      rmSync(join(folder, "fold_0.weights"));
      expect(await inspect(file)).toMatchObject({ externalFiles: [{ sizeBytes: null }] });
    });
  });
});

test("a converted folder is described from its manifest", async () => {
  const modelDir = goldenPath("v2", "blobs_2d", "model");
  const trained = await onlyModel(modelDir);
  await withConvertedModel(modelDir, async ({ folder }) => {
    const inspection = await inspect(folder);
    if (inspection.kind !== "converted") throw new Error(inspection.kind);
    const { network, labels, patchSize, channels, mirrorAxes } = trained;
    expect(inspection.models).toMatchObject([{ network, labels, patchSize, channels, mirrorAxes }]);
    expect(inspection.models[0]!.folds[0]!.files.map(({ name }) => name)).toEqual([
      "fold_0.onnx",
      "fold_0.weights",
    ]);
    expect(inspection.models[0]!.gpuNetwork).toMatchObject({ name: "network.gpu.onnx" });
  });
});

describe("an image", () => {
  /** A small root with a real manifest in it. */
  async function imageArchive(
    folder: string,
    name: string,
    imageName = "inspect-test/blobs:1",
  ): Promise<string> {
    const base = { kind: "root-file-system", archive: await smallRootFileSystem(folder) } as const;
    return withConvertedModel(goldenPath("v2", "blobs_2d", "model"), async (converted) => {
      const manifest = layerFile("opt/nnunet-processor/model/manifest.json", {
        file: join(converted.folder, "manifest.json"),
      });
      const plan = { ...testPlan({ base }), imageName, labels: { "org.nnunet-processor.version": "9.8.7" } };
      const image = await assemble(
        { ...plan, layers: [{ name: "manifest", entries: [manifest] }] },
        join(folder, "cache"),
      );
      const path = join(folder, name);
      await writeDockerArchive({ image, path, progress: silentProgress, signal: neverStopped() });
      return path;
    });
  }

  const expected = {
    ...{
      kind: "image",
      imageName: "inspect-test/blobs:1",
      platform: "linux/amd64",
      processorVersion: "9.8.7",
    },
    ...{ settings: { inputDir: "/input", hasHooks: false }, problems: [] },
    models: [
      { datasetName: "Dataset501_Blobs", configuration: "2d", network: { architecture: "PlainConvUNet" } },
    ],
  };

  test.each(["image.tar", "image.tar.gz"])("in a file: %s", async (name) => {
    const folder = scratchFolder();
    expect(await inspect(await imageArchive(folder, name))).toMatchObject(expected);
  });

  test("without a processor is reported as such", async () => {
    const folder = scratchFolder();
    const base = { kind: "root-file-system", archive: await smallRootFileSystem(folder) } as const;
    const image = await assemble(testPlan({ base }), join(folder, "cache"));
    const path = join(folder, "image.tar");
    await writeDockerArchive({ image, path, progress: silentProgress, signal: neverStopped() });
    expect(await inspect(path)).toMatchObject({ models: [], problems: [{ code: "MANIFEST_INVALID" }] });
  });

  describeWithEngine("in Docker", () => {
    test("is described by its name, and no container remains", async () => {
      const folder = scratchFolder();
      const { docker } = testEngine();
      const imageName = `inspect-test/blobs:${process.pid}`;
      const archive = await imageArchive(folder, "image.tar", imageName);
      const answer = await docker.loadImage(archive);
      for await (const _ of answer as AsyncIterable<Buffer>);
      try {
        expect(await inspect(imageName)).toMatchObject({ ...expected, imageName });
        const left = await docker.listContainers({ all: true, filters: { ancestor: [imageName] } });
        expect(left).toEqual([]);
      } finally {
        await docker.getImage(imageName).remove({ force: true });
      }
    });
  });
});

test("weights of other programs are distinguished from nnU-Net's checkpoints, with a remedy", async () => {
  const file = join(scratchFolder(), "0.model");
  writeFileSync(file, buildZip([{ name: "archive/data.pkl", data: new PickleWriter().raw("}").finish() }]));
  expect(await inspect(file)).toMatchObject({
    problems: [
      {
        code: "CHECKPOINT_UNSUPPORTED",
        message: `${file} was not written by nnU-Net: it contains no weights, without the trainer's name and arguments`,
        help: expect.stringContaining("export the network to ONNX"),
      },
    ],
  });
});

test.each([
  ["models that are not a list", { models: {} }, "models should be a list"],
  ["a null model", { models: [null] }, "models[0]"],
  ["a fold without its file", { models: [{ folds: [{ fold: "0" }] }] }, "models[0]"],
])("a manifest with %s is refused with the position", async (_, changed, place) => {
  const folder = join(scratchFolder(), "converted");
  mkdirSync(folder);
  const task = { id: 1, name: "x" };
  const manifest = { manifestVersion: 1, task, settings: testSettings, postProcessing: [], ...changed };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  const attempt = inspect(folder);
  await expect(attempt).rejects.toMatchObject({ code: "MANIFEST_INVALID" });
  await expect(attempt).rejects.toThrow(place);
});

describe("a file that is not a model is refused with its kind", () => {
  const files: readonly (readonly [string, string, string])[] = [
    ["plans.json", "{}", "pass its folder"],
    ["notes.txt", "hello", "neither a zip"],
    ["empty.pth", "", "neither a zip"],
  ];
  test.each(files)("%s", async (name, content, says) => {
    const file = join(scratchFolder(), name);
    writeFileSync(file, content);
    await expect(inspect(file)).rejects.toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringContaining(says),
    });
  });

  test("a name that does not exist", async () => {
    await expect(inspect("no/such-model:1")).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  });

  test("an empty folder", async () => {
    const folder = join(scratchFolder(), "empty");
    mkdirSync(folder);
    await expect(inspect(folder)).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  });
});
