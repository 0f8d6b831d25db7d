import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ProcessorError } from "../../../processor/contract/errors.js";
import type { LabelDefinition } from "../../../processor/contract/manifest.js";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { ZipArchive } from "../../../processor/files/zip/zip-archive.js";
import { readNpyFile } from "../../../processor/nnunet-files/read-npy.js";
import { readBundleConfig } from "../../../src/checkpoint/monai/bundle-config.js";
import { readBundleNetwork } from "../../../src/checkpoint/monai/bundle-network.js";
import { readConfigPickle } from "../../../src/checkpoint/nvidia/config-pickle.js";
import { readNvidiaNetwork } from "../../../src/checkpoint/nvidia/network-plan.js";
import { readLightning } from "../../../src/checkpoint/nvidia/read-lightning.js";
import { readPickle } from "../../../src/checkpoint/pickle/read-pickle.js";
import { readPostProcessing } from "../../../src/checkpoint/post-processing/read-post-processing.js";
import { readTorchFile } from "../../../src/checkpoint/torch/read-torch-file.js";
import { checkpointGlobals } from "../../../src/checkpoint/torch/torch-globals.js";
import { inspectionText } from "../../../src/cli/inspection-text.js";
import { describeRunnable } from "../../../src/convert/fold-network.js";
import { inspectSource } from "../../../src/inspect/inspect-source.js";
import type { Inspection, Problem } from "../../../src/inspect/inspection.js";
import { openSourceContext } from "../../../src/model-source/open-model-source.js";
import { findMonaiBundle } from "../../../src/models/find-monai-bundle.js";
import { anyModel } from "../../../src/models/model-query.js";
import { buildZip } from "../../support/archive/zip-builder.js";
import { modelIn } from "../../support/model/model-in.js";
import { neverStopped } from "../../support/never-stopped.js";
import { mutateBytes, mutateJson, mutateLines } from "../mutations/mutate.js";
import { mutatePickle } from "../mutations/mutate-pickle.js";
import { mutateZip } from "../mutations/mutate-zip.js";
import {
  type FuzzedReader,
  type FuzzInput,
  type FuzzSeed,
  filesBelow,
  fixtures,
  golden,
  require,
  seedInFolder,
  seedText,
} from "./fuzzed-reader.js";

const labels: LabelDefinition = {
  names: [
    { name: "background", value: 0 },
    { name: "a", value: 1 },
    { name: "b", value: 2 },
  ],
  foregroundLabels: [1, 2],
  regionsClassOrder: null,
  ignoreLabel: null,
};

export const modelReaders: Readonly<Record<string, FuzzedReader>> = {
  torch: {
    mutation: mutateZip,
    seeds: async () => [
      ...filesBelow(join(fixtures, "checkpoints"), /\.pth$/),
      ...filesBelow(golden, /blobs_3d_fullres\/model\/fold_0\/.*\.(?:pth|model)$/),
    ],
    read: readsCheckpoint,
  },
  "torch-legacy": {
    mutation: mutatePickle,
    seeds: async () => filesBelow(join(fixtures, "checkpoints"), /legacy\.pth$/),
    read: readsCheckpoint,
  },
  pickle: {
    mutation: mutatePickle,
    seeds: async () => [
      ...filesBelow(join(fixtures, "checkpoints"), /\.pkl$/),
      ...filesBelow(golden, /plans\.pkl$|\.model\.pkl$/),
    ],
    async read({ file }) {
      readPickle(await readFile(file), { source: file, globals: checkpointGlobals(file) });
    },
  },
  "nvidia-config": {
    mutation: mutatePickle,
    seeds: async () => filesBelow(golden, /nvidia\/.*config\.pkl$/),
    read: async ({ file }) => void (await readConfigPickle(file)),
  },
  lightning: {
    mutation: mutateZip,
    seeds: async () => filesBelow(golden, /nvidia\/mr_2d_dynunet\/.*\.ckpt$/),
    async read({ file }) {
      const { args, weights } = await readLightning({ fold: "0", checkpointFile: file, range: null });
      const config = { patchSize: [32, 40], spacingsMm: [1, 1], classes: 3, inChannels: 1 };
      readNvidiaNetwork({ args, weights, config, source: file });
    },
  },
  "monai-bundle": {
    mutation: mutateJson,
    seeds: async () =>
      bundles.map((name) => seedInFolder(join(golden, "monai", name, "bundle"), inferenceFile)),
    read: describesModel,
  },
  "monai-yaml": {
    mutation: mutateLines,
    seeds: async () => [seedText("inference.yaml", bundleYaml)],
    read: async ({ file }) => {
      const config = await readBundleConfig(file);
      readBundleNetwork(config.get("network_def"));
    },
  },
  "monai-weights": {
    mutation: mutateZip,
    seeds: async () =>
      bundles.map((name) => seedInFolder(join(golden, "monai", name, "bundle"), "models/model.pt")),
    read: describesModel,
  },
  "numpy-array": {
    mutation: mutateBytes,
    seeds: async () => filesBelow(golden, /nvidia\/.*case_meta\.npy$/),
    read: async ({ file }) => void (await readNpyFile(file)),
  },
  plans: { mutation: mutateJson, seeds: () => seedsIn(v2Models, "plans.json"), read: describesModel },
  dataset: { mutation: mutateJson, seeds: () => seedsIn(v2Models, "dataset.json"), read: describesModel },
  "v1-record": {
    mutation: mutatePickle,
    seeds: () => seedsIn(v1Models, "fold_0/model_final_checkpoint.model.pkl"),
    read: describesModel,
  },
  postprocessing: {
    mutation: mutatePickle,
    seeds: async () => filesBelow(join(fixtures, "ensembles"), /postprocessing.*\.pkl$/),
    read: async ({ file }) => void (await readPostProcessing(file, labels)),
  },
  "postprocessing-json": {
    mutation: mutateJson,
    seeds: async () => [
      ...filesBelow(join(fixtures, "ensembles"), /postprocessing.*\.json$/),
      ...filesBelow(golden, /postprocessing\.json$/),
    ],
    read: async ({ file }) => void (await readPostProcessing(file, labels)),
  },
  zip: {
    mutation: mutateZip,
    seeds: async () => filesBelow(join(fixtures, "archive"), /\.zip$/),
    read: readsZip,
  },
  export: {
    mutation: mutateZip,
    seeds: async () => exports,
    read: ({ folder, file }) => inspects(file, folder),
  },
  onnx: {
    mutation: mutateBytes,
    seeds: async () => filesBelow(join(fixtures, "onnx"), /\.onnx$/),
    read: ({ folder, file }) => inspects(file, folder),
  },
};

/** A 3-D model, one with transposed axes, and one for photographs. Larger models would allow few inputs a second. */
const v2Models = ["v2/blobs_3d_fullres", "v2/sagittal_transposed", "v2/photos_2d"];
const v1Models = ["v1/blobs_3d_fullres", "v1/blobs_2d"];

/** Bundles of MONAI: both networks, and a state dict as well as TorchScript. */
const bundles = ["spleen_unet", "tumour_dynunet_sigmoid"];
const bundleYaml = `spatial: 3
pixdim: [1.5, 1.5, 2.0]
network_def:
  _target_: UNet
  spatial_dims: "@spatial"
  in_channels: 1
  out_channels: 2
  channels: [8, 16, 32]
  strides:
    - 2
    - 2
  num_res_units: 2
  norm: batch
network: $@network_def.to(@device)
`;
const inferenceFile = "configs/inference.json";

const seedsIn = async (models: readonly string[], path: string): Promise<readonly FuzzSeed[]> =>
  models.map((model) => seedInFolder(join(golden, model, "model"), path));

const modelFiles = {
  "v1/blobs_3d_fullres": [
    "plans.pkl",
    "fold_0/model_final_checkpoint.model",
    "fold_0/model_final_checkpoint.model.pkl",
    "fold_0/postprocessing.json",
  ],
  "v2/sagittal_transposed": ["plans.json", "dataset.json", "fold_0/checkpoint_final.pth"],
} as const;

/** Returns a zip of a model folder, as people share it. */
const exports: readonly FuzzSeed[] = (["v2/sagittal_transposed", "v1/blobs_3d_fullres"] as const).map(
  (name) => ({
    path: "export.zip",
    bytes: () =>
      buildZip(
        modelFiles[name].map((path) => ({
          name: `Dataset001_Test/nnUNetTrainer__nnUNetPlans__3d_fullres/${path}`,
          data: readFileSync(join(golden, name, "model", path)),
          deflate: path.endsWith(".json"),
        })),
      ),
  }),
);

/** Reads a torch file. A file that is not nnU-Net's is accepted, because `inspect` lists that as a problem. */
async function readsCheckpoint({ folder, file }: FuzzInput): Promise<void> {
  await readTorchFile(file);
  await refusalOf(() => inspects(file, folder));
}

/** Inspects a model folder and prepares it for a build; both must accept it or both refuse it. */
async function describesModel({ folder }: FuzzInput): Promise<void> {
  const refusal = await refusalOf(() => inspects(folder, folder));
  const refusalOfBuild = await refusalOf(async () => {
    await describeRunnable((await findMonaiBundle(folder, anyModel)) ?? (await modelIn(folder)));
  });
  require((refusal === null) ===
    (refusalOfBuild ===
      null), `one answer: inspect says "${refusal?.message}", a build "${refusalOfBuild?.message}"`);
  if (refusal !== null) throw refusal;
}

async function refusalOf(action: () => Promise<void>): Promise<ProcessorError | null> {
  try {
    await action();
    return null;
  } catch (error) {
    if (error instanceof ProcessorError) return error;
    throw error;
  }
}

/** Runs `build_processor inspect`. A problem that it lists counts as a refusal. */
export async function inspects(address: string, folder: string): Promise<void> {
  const inspection = await inspectSource(address, {
    openContext: () =>
      openSourceContext({
        cacheFolder: join(folder, "cache"),
        progress: silentProgress,
        lockFile: null,
        zenodoMirror: null,
        signal: neverStopped(),
      }),
    environment: {},
    currentDirectory: folder,
    lockFile: join(folder, "processor.lock.json"),
    progress: silentProgress,
    signal: new AbortController().signal,
    nvidia: null,
  });
  require(inspectionText(inspection).length > 0 && JSON.stringify(inspection).length > 0, "a text");
  const [problem] = problemsOf(inspection);
  if (problem !== undefined)
    throw new ProcessorError(problem.code, { exit: 3, http: 422, help: problem.help }, problem.message);
}

function problemsOf(inspection: Inspection): readonly Problem[] {
  const own = "problems" in inspection ? inspection.problems : [];
  const ofModels = "models" in inspection ? inspection.models.flatMap(({ problems }) => problems) : [];
  return [...own, ...ofModels];
}

async function readsZip({ file }: FuzzInput): Promise<void> {
  const archive = await ZipArchive.open(file);
  try {
    for (const { path, size } of archive.entries) {
      require(!path.split("/").includes("..") && !path.startsWith("/"), "only safe names");
      let bytes = 0;
      for await (const chunk of archive.read(path)) bytes += chunk.byteLength;
      require(bytes === size, "as many bytes as the directory says");
    }
  } finally {
    await archive.close();
  }
}
