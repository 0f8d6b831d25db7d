import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { readConfigPickle } from "../../../src/checkpoint/nvidia/config-pickle.js";
import { readPostProcessing } from "../../../src/checkpoint/post-processing/read-post-processing.js";
import { readDatasetJson } from "../../../src/nnunet/datasets/dataset-json.js";
import { foundReader } from "../../../src/nnunet/datasets/raw-files.js";
import { readB2nd } from "../../../src/nnunet/files/blosc2/read-b2nd.js";
import { readNpy, readNpz } from "../../../src/nnunet/files/read-npz.js";
import { readFingerprint } from "../../../src/nnunet/fingerprint/fingerprint-file.js";
import { changeTrainer } from "../../../src/nnunet/model-files/change-trainer.js";
import { geometryOfProperties } from "../../../src/nnunet/selection/case-properties.js";
import { readSummaryMeans } from "../../../src/nnunet/selection/read-summary.js";
import { readSoftmaxProperties } from "../../../src/nnunet/selection/v1/softmax-properties.js";
import { readTaskClasses } from "../../../src/nnunet/selection/v1/task-classes.js";
import { plannedEpochs } from "../../../src/nnunet/training/fold-state.js";
import { readTaskJson } from "../../../src/nnunet/v1/read-task.js";

const scratch = mkdtempSync(join(tmpdir(), "special-files-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const terabyte = 2 ** 40;

/** What a reader must refuse without waiting for it, and without reading all of it. */
const makers: Readonly<Record<string, (path: string) => void>> = {
  "a FIFO": (path) => void execFileSync("mkfifo", [path]),
  "a folder": (path) => mkdirSync(path),
  "a file of a terabyte": (path) => {
    writeFileSync(path, "\u0080\u0002");
    truncateSync(path, terabyte);
  },
};

interface Reader {
  readonly path: string;
  readonly read: (folder: string, path: string) => Promise<unknown>;
}

const labels = { names: [], foregroundLabels: [1], regionsClassOrder: null, ignoreLabel: null };

const readers: Readonly<Record<string, Reader>> = {
  "dataset.json": { path: "dataset.json", read: (folder) => readDatasetJson(folder) },
  "a task's dataset.json": { path: "dataset.json", read: (folder) => readTaskJson(folder) },
  fingerprint: { path: "dataset_fingerprint.json", read: (folder) => readFingerprint(folder) },
  "raw files": { path: "raw_files.json", read: (folder) => foundReader(folder) },
  "preprocessed data": { path: "case.b2nd", read: (_, path) => readB2nd(path) },
  probabilities: { path: "case.npz", read: (_, path) => readNpz(path, "probabilities") },
  "probabilities of NVIDIA": { path: "case.npy", read: (_, path) => readNpy(path) },
  "properties of a case": { path: "case.pkl", read: (_, path) => geometryOfProperties(path, [1, 1, 1]) },
  "properties of a case of v1": { path: "case.pkl", read: (_, path) => readSoftmaxProperties(path) },
  "plans of v1": { path: "plans.pkl", read: (_, path) => readTaskClasses(path) },
  "record of a training of v1": {
    path: "fold_0/model_best.model.pkl",
    read: (folder) => changeTrainer(folder, "nnUNetTrainerV2"),
  },
  "post-processing": { path: "postprocessing.pkl", read: (_, path) => readPostProcessing(path, labels) },
  "summary.json": { path: "summary.json", read: (_, path) => readSummaryMeans(path, []) },
  "config.pkl": { path: "config.pkl", read: (_, path) => readConfigPickle(path) },
};

describe.each(Object.entries(makers))("instead of a file, %s", (kind, make) => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(scratch, "kind-"));
  });

  test.each(Object.entries(readers))("for %s is refused with a code", async (name, { path, read }) => {
    const place = join(folder, name);
    mkdirSync(dirname(join(place, path)), { recursive: true });
    make(join(place, path));
    const used = process.memoryUsage.rss();
    await expect(read(place, join(place, path))).rejects.toBeInstanceOf(ProcessorError);
    expect(process.memoryUsage.rss() - used, kind).toBeLessThan(2 ** 28);
  });

  test("for debug.json says nothing about the epochs of a training", async () => {
    make(join(folder, "debug.json"));
    await expect(plannedEpochs(folder)).resolves.toBeNull();
  });
});
