import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { EngineEvent, JobEngine } from "../../../../processor/runtime/service/engine/job-engine.js";
import type { JobWork, StageWork } from "../../../../processor/runtime/service/engine/job-work.js";
import { openLocalEngine } from "../../../../processor/runtime/service/engine/local-engine.js";
import { convertedWorker } from "../../../../processor/runtime/service/start/image-models.js";
import { goldenPath } from "../../../support/golden.js";
import { convertGolden } from "../../../support/model/convert.js";

let folder = "";
const input = goldenPath("v2", "blobs_2d", "input");
const image = join(input, readdirSync(input).find((name) => /_0000\./.test(name))!);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "engine-"));
  await convertGolden({ name: "blobs_2d", outputDir: join(folder, "model") });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const stage = (changes: Partial<StageWork>): StageWork => ({
  modelId: "blobs",
  modelDir: join(folder, "model"),
  checkpointName: "checkpoint_final.pth",
  folds: ["0"],
  inputs: [{ kind: "path", path: image, label: null, component: null }],
  usesTta: false,
  classes: null,
  threshold: null,
  minConfidence: null,
  removeSmallerThan: null,
  reference: null,
  minIntersection: 0.1,
  crop: null,
  cropPaddingXyz: [10, 10, 10],
  bValue: null,
  savesProbabilities: false,
  savesInputs: false,
  writesStructures: false,
  suffix: null,
  folder: "stage_0",
  metadata: null,
  ...changes,
});

const workOf = (name: string, ...stages: [StageWork, ...StageWork[]]): JobWork => ({
  stages,
  outputDir: join(folder, name),
  isDicom: false,
  archives: [],
  allowedRoots: [input],
  minMemoryMib: 0,
});

type Ended = Extract<EngineEvent, { readonly id: string }>;

function openEngine(): {
  readonly engine: JobEngine;
  readonly run: (id: string, work: JobWork) => Promise<Ended>;
  readonly deaths: readonly string[];
} {
  const ends = new Map<string, (event: Ended) => void>();
  const deaths: string[] = [];
  const settings = {
    device: "cpu",
    threads: 1,
    modelMemoryBytes: 1e9,
    cacheFolder: folder,
    gpuWaitMs: 0,
  } as const;
  const engine = openLocalEngine({
    workers: [{ program: convertedWorker, settings, environment: {}, onDeath: (text) => deaths.push(text) }],
    listener(event) {
      if (["done", "failed", "canceled", "interrupted"].includes(event.kind)) ends.get(event.id)?.(event);
    },
  });
  onTestFinished(() => engine.close(0));
  const run = (id: string, work: JobWork): Promise<Ended> =>
    new Promise((resolve) => {
      ends.set(id, resolve);
      engine.submit({ id, work });
    });
  return { engine, run, deaths };
}

test("a job of two models runs in another process, whose networks stay loaded until they expire", async () => {
  const { engine, run } = openEngine();
  const cascade = workOf(
    "cascade",
    stage({ savesInputs: true }),
    stage({
      folder: "stage_1",
      crop: { kind: "stage", stage: 0, labels: null },
      reference: { kind: "stage", stage: 0, labels: null },
    }),
  );
  const ended = await run("cascade", cascade);
  expect(ended).toMatchObject({ kind: "done", result: { gpu: null } });
  const { result } = ended as Extract<EngineEvent, { kind: "done" }>;
  expect(result.files.map(({ name }) => name)).toEqual([
    "stage_0/prediction.nii.gz",
    "stage_0/input_volume_0.nii.gz",
    "stage_1/prediction.nii.gz",
  ]);
  expect(result.stages.map(({ model }) => model)).toEqual(["blobs", "blobs"]);
  expect(engine.status().loadedModels).toMatchObject([{ modelId: "blobs" }]);
  expect(await engine.expire()).toBe(1);
  expect(engine.status().loadedModels).toEqual([]);
});

test.each([
  ["labels", {}],
  ["candidates", { threshold: 0.1, savesProbabilities: true }],
])("a model after one that found nothing finds nothing: %s", async (name, changes) => {
  const { run } = openEngine();
  const nothing = { kind: "stage", stage: 0, labels: [9] } as const;
  const second = stage({ folder: "stage_1", crop: nothing, minIntersection: 0, ...changes });
  const ended = await run(`nothing-${name}`, workOf(`nothing-${name}`, stage({}), second));
  expect(ended).toMatchObject({ kind: "done" });
  const { stages } = (ended as Extract<EngineEvent, { kind: "done" }>).result;
  expect(stages.map(({ is_empty: isEmpty }) => isEmpty)).toEqual([false, true]);
});

test("one class is kept, and candidates have a map of probabilities", async () => {
  const { run } = openEngine();
  const kept = await run("kept", workOf("kept", stage({ classes: [1], folder: "a" })));
  const labels = (kept as Extract<EngineEvent, { kind: "done" }>).result.stages[0]!.labels;
  expect(labels.filter(({ label, voxels }) => label !== 1 && voxels > 0)).toEqual([]);
  const found = await run(
    "found",
    workOf("found", stage({ threshold: 0.1, savesProbabilities: true, suffix: "s" })),
  );
  expect((found as Extract<EngineEvent, { kind: "done" }>).result.files.map(({ name }) => name)).toEqual([
    "stage_0/prediction_s.nii.gz",
    "stage_0/proba_s.nii.gz",
  ]);
});

test("a job that waits is canceled at once, and one that fails does not stop the next", async () => {
  const { engine, run } = openEngine();
  const path = join(input, "missing.nii.gz");
  const failing = run(
    "failing",
    workOf("x", stage({ inputs: [{ kind: "path", path, label: null, component: null }] })),
  );
  const waiting = run("waiting", workOf("y", stage({})));
  const last = run("last", workOf("z", stage({})));
  engine.cancel("waiting");
  expect((await waiting).kind).toBe("canceled");
  expect(await failing).toMatchObject({ kind: "failed", error: { code: "INPUT_NOT_FOUND" } });
  expect((await last).kind).toBe("done");
});

test("a process that dies fails its job with the reason, and the next job has a new process", async () => {
  const { run, deaths } = openEngine();
  const deadly = { ...workOf("deadly", stage({})), stages: null } as never;
  const ended = await run("deadly", deadly);
  expect(ended.kind).toBe("failed");
  expect((await run("next", workOf("next", stage({})))).kind).toBe("done");
  expect(deaths.length).toBeLessThanOrEqual(1);
});
