import { readFileSync } from "node:fs";
import { join } from "node:path";
import { listOfPickles } from "../../../src/checkpoint/pickle/join-pickles.js";
import { numpyGlobals } from "../../../src/checkpoint/pickle/numpy-globals.js";
import { pythonGlobals } from "../../../src/checkpoint/pickle/python-globals.js";
import { readPickle } from "../../../src/checkpoint/pickle/read-pickle.js";
import { readPostProcessing } from "../../../src/checkpoint/post-processing/read-post-processing.js";
import { nnunetError } from "../../../src/ground/errors/nnunet-errors.js";
import { readDatasetJson } from "../../../src/nnunet/datasets/dataset-json.js";
import { checkStructure } from "../../../src/nnunet/datasets/verify/check-structure.js";
import { likeNnunet } from "../../../src/nnunet/datasets/verify/like-nnunet.js";
import { singleLabel } from "../../../src/nnunet/evaluation/evaluated-label.js";
import { readNpz } from "../../../src/nnunet/files/read-npz.js";
import { readFingerprint } from "../../../src/nnunet/fingerprint/fingerprint-file.js";
import { geometryOfProperties } from "../../../src/nnunet/selection/case-properties.js";
import { readSummaryMeans } from "../../../src/nnunet/selection/read-summary.js";
import { readDices } from "../../../src/nnunet/selection/v1/score-of-v1.js";
import { readSoftmaxProperties } from "../../../src/nnunet/selection/v1/softmax-properties.js";
import { readTaskClasses } from "../../../src/nnunet/selection/v1/task-classes.js";
import { TrainingLog } from "../../../src/nnunet/training/training-log.js";
import { TrainingLogOfV1 } from "../../../src/nnunet/training/v1/training-log-v1.js";
import { readTaskJson } from "../../../src/nnunet/v1/read-task.js";
import { mutateBytes, mutateJson } from "../mutations/mutate.js";
import { mutatePickle } from "../mutations/mutate-pickle.js";
import {
  type FuzzedReader,
  type FuzzSeed,
  filesBelow,
  golden,
  require,
  seedFile,
  seedInFolder,
  seedText,
} from "./fuzzed-reader.js";

const tools = join(golden, "tools");
const selectionOfV1 = join(tools, "selection-v1", "EnsembleWins", "in", "RESULTS_FOLDER");

const taskOfV1 = {
  modality: { 0: "CT", 1: "PET" },
  labels: { 0: "background", 1: "liver", 2: "tumour" },
  training: [{ image: "./imagesTr/a.nii.gz", label: "./labelsTr/a.nii.gz" }],
};

/** The first of many files that are alike. */
const few = (folder: string, path: RegExp): readonly FuzzSeed[] => filesBelow(folder, path).slice(0, 4);

/** Readers of what nnU-Net's data sets, trainings and cross-validations consist of. */
export const toolReaders: Readonly<Record<string, FuzzedReader>> = {
  "dataset-json": {
    mutation: mutateJson,
    seeds: async () => filesBelow(join(tools, "datasets"), /dataset\.json$/),
    read: async ({ folder }) => {
      const { channelNames } = await readDatasetJson(folder);
      require(Array.isArray(channelNames), "names of channels");
    },
  },
  "dataset-check": {
    mutation: mutateJson,
    seeds: async () =>
      ["good_regions", "good_ignore", "dataset_key_good"].map((name) =>
        seedInFolder(join(tools, "integrity", name), "dataset.json"),
      ),
    read: async ({ folder }) => {
      const { findings } = await checkStructure(folder, {});
      const verdict = likeNnunet({ findings });
      const first = findings.find(({ severity }) => severity === "error");
      // `dataset verify` reports faults and does not throw them.
      if (first !== undefined) throw nnunetError("DATASET_INVALID", first.text);
      require(verdict.isFine, "the same answer as the checks");
    },
  },
  "case-properties": {
    mutation: mutatePickle,
    seeds: async () =>
      few(join(tools, "selection", "EnsembleWins"), /c\d\d\.pkl$/).concat(
        few(join(tools, "selection", "Regions"), /c\d\d\.pkl$/),
      ),
    read: async ({ file }) => {
      const { spacingMmZyx } = await geometryOfProperties(file, [10, 11, 12]);
      require(spacingMmZyx.every((mm) => mm > 0), "spacing above 0");
    },
  },
  "task-json": {
    mutation: mutateJson,
    seeds: async () => [seedText("dataset.json", taskOfV1)],
    read: async ({ folder }) => {
      const { classes } = await readTaskJson(folder);
      require(classes.every(Number.isSafeInteger), "whole numbers as labels");
    },
  },
  fingerprint: {
    mutation: mutateJson,
    seeds: async () =>
      filesBelow(join(tools, "datasets"), /expected_fingerprint\.json$/).map((seed) => ({
        ...seed,
        path: "dataset_fingerprint.json",
      })),
    read: async ({ folder }) => {
      await readFingerprint(folder);
    },
  },
  "summary-json": {
    mutation: mutateJson,
    seeds: async () => few(join(tools, "selection"), /expected\/.*summary\.json$/),
    read: async ({ file }) => {
      await readSummaryMeans(file, [singleLabel(1)]);
    },
  },
  "summary-json-v1": {
    mutation: mutateJson,
    seeds: async () => few(join(tools, "selection-v1"), /summary\.json$/),
    read: async ({ file }) => {
      const dices = [...(await readDices(file)).values()];
      require(dices.every((dice) => typeof dice === "number"), "numbers as Dice");
    },
  },
  "post-processing-json": {
    mutation: mutateJson,
    seeds: async () => [
      ...few(join(tools, "selection-v1"), /postprocessing\.json$/),
      ...few(join(tools, "selection"), /postprocessing\.json$/),
    ],
    read: readSteps,
  },
  "post-processing-pickle": {
    mutation: mutateBytes,
    seeds: async () => few(join(tools, "selection"), /postprocessing\.pkl$/),
    read: readSteps,
  },
  "softmax-properties": {
    mutation: mutateBytes,
    seeds: async () => few(selectionOfV1, /c0\d\.pkl$/),
    read: async ({ file }) => {
      const { geometry } = await readSoftmaxProperties(file);
      require(geometry.sizeZyx.length === 3, "three sizes");
    },
  },
  softmax: {
    mutation: mutateBytes,
    seeds: async () => few(selectionOfV1, /c0\d\.npz$/),
    read: async ({ file }) => {
      const { shape, values } = await readNpz(file, "softmax");
      require(shape.reduce((product, size) => product * size, 1) === values.length, "a value for each index");
    },
  },
  "task-plans": {
    mutation: mutateBytes,
    seeds: async () => [seedFile(join(golden, "v1", "blobs_2d", "model", "plans.pkl"))],
    read: async ({ file }) => {
      require((await readTaskClasses(file)).every(Number.isInteger), "whole numbers as labels");
    },
  },
  "joined-pickles": {
    mutation: mutateBytes,
    seeds: async () => few(selectionOfV1, /c0\d\.pkl$/),
    read: async ({ file }) => {
      const globals = new Map([...pythonGlobals, ...numpyGlobals]);
      const bytes = readFileSync(file);
      // What cannot be read is refused before it is joined.
      readPickle(bytes, { source: file, globals });
      const joined = listOfPickles([
        { source: file, bytes },
        { source: file, bytes },
      ]);
      // A damaged pickle may leave more values than one behind, so the list need not have two.
      require(readPickle(joined, { source: file, globals }).value !== undefined, "a value");
    },
  },
  "training-log": {
    mutation: mutateBytes,
    seeds: async () => few(join(tools, "training"), /(?:log|stdout).*\.txt$/),
    read: async ({ file }) => {
      const readers = [new TrainingLog(), new TrainingLogOfV1()];
      for (const line of readFileSync(file, "utf8").split("\n")) for (const log of readers) log.read(line);
    },
  },
};

async function readSteps({ file }: { readonly file: string }): Promise<void> {
  const labels = { names: [], foregroundLabels: [1], regionsClassOrder: null, ignoreLabel: null };
  const steps = await readPostProcessing(file, labels);
  require(steps.every((step) => step.labels.every(Number.isInteger)), "whole numbers as labels");
}
