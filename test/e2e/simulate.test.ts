import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { readImage } from "../../processor/image-io/read-image.js";
import { writeImage } from "../../processor/image-io/write-image.js";
import { buildProcessor } from "../../src/build-pipeline.js";
import type { SimulationReport } from "../../src/targets/simulate.js";
import { describeWithEngine, removeImage, testEngine } from "../support/docker.js";
import { buildServerImage, type Fault } from "../support/example-server.js";
import { goldenPath } from "../support/golden.js";
import { testBuildOptions } from "../support/processor-build.js";
import { type ProgramRun, runProgram } from "../support/run-program.js";

// The first build makes the base image: packages are fetched and unpacked.
const timeout = 300_000;

const processor = "nnunet-processor-test/simulated:1";
const input = goldenPath("v2", "blobs_2d", "input");

let scratch: string;
let archive: string;

describeWithEngine("build_processor simulate", () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "simulate-"));
    const options = await testBuildOptions({ golden: "blobs_2d", imageName: processor, scratch });
    const report = await buildProcessor({ ...options, exportFolder: scratch });
    archive = report.archive!.path;
    await twoCases();
  }, timeout);

  afterAll(async () => {
    await removeImage(processor);
    rmSync(scratch, { recursive: true, force: true });
  });

  test("runs an archive in a closed container, compares its answer and leaves the engine as it was", {
    timeout,
  }, async () => {
    const right = join(scratch, "right");
    mkdirSync(right);
    copyFileSync(
      goldenPath("v2", "blobs_2d", "expected", "blob_010", "seg_tta.nii.gz"),
      join(right, "blob_010.nii.gz"),
    );
    const { docker } = testEngine();
    const ids = async () => (await docker.listImages({ all: true })).map(({ Id }) => Id).sort();
    // The archive's name stands for another image now, and must do so afterwards.
    const other = await otherImage();
    const before = await ids();
    const run = await simulated([archive, "--target", "plain", "-i", input, "--expect", right]);
    expect(run.exitCode, run.err).toBe(0);
    const { isAccepted, peakMemoryBytes, phases } = report(run);
    expect(isAccepted).toBe(true);
    expect(peakMemoryBytes).toBeGreaterThan(10_000_000);
    expect(phases.map(({ phase }) => phase)).toEqual(["run", "stop"]);
    expect(failedChecks(run)).toEqual([]);
    const [background, organ] = phases[0]!.segmentations[0]!.labels;
    expect(background).toMatchObject({ label: 0, dice: expect.closeTo(1, 3) });
    // nnU-Net accumulates in float16, so a voxel on the edge between two labels may fall on the other side.
    expect(organ).toMatchObject({ label: 1, expectedVoxels: 5805, dice: expect.closeTo(1, 3) });
    expect(phases[1]!.findings).toMatchObject([{ check: "sigterm", result: "pass" }]);
    expect(await ids()).toEqual(before);
    expect((await docker.getImage(processor).inspect()).Id).toBe(other);
    await expectNothingLeft();
  });

  test("serves two cases in one process without a finding", { timeout }, async () => {
    const run = await simulateServer([]);
    expect(run.exitCode, run.err + run.out).toBe(0);
    const { phases } = report(run);
    expect(phases.map(({ phase }) => phase)).toEqual(["start", "invoke-1", "invoke-2", "stop"]);
    expect(phases.flatMap(({ segmentations }) => segmentations.map(({ caseName }) => caseName))).toEqual([
      "first",
      "second",
    ]);
    await expectNothingLeft();
  });

  test("finds what a server keeps of the case before, and a SIGTERM that is ignored", {
    timeout,
  }, async () => {
    const run = await simulateServer(["remembers-first-case", "ignores-sigterm"]);
    expect(run.exitCode).toBe(5);
    expect(run.err).toContain("SIMULATION_FAILED");
    expect(failedChecks(run)).toEqual(["invoke-2 geometry", "stop sigterm"]);
  });

  test("finds everything that is wrong with an output, and lines that are too long", {
    timeout,
  }, async () => {
    const run = await simulateServer(["breaks-output", "breaks-log"]);
    const ofOne = ["eight-bit", "geometry", "labels"];
    const ofCase = ["regular-files", "layout", ...ofOne, ...ofOne, "json"];
    expect(failedChecks(run)).toEqual([
      ...ofCase.map((check) => `invoke-1 ${check}`),
      ...ofCase.map((check) => `invoke-2 ${check}`),
      "stop log",
    ]);
  });

  test.each<[Fault, string, string]>([
    ["answers-200", "invoke-1 invoke", "answers 200, not 201"],
    ["redirects", "start health", "status 302"],
    ["never-ready", "start health", "exited with 7"],
    ["exits", "invoke-1 invoke", "exited with 3; last on stderr: the model is broken"],
  ])("says of a server that %s: %s", { timeout }, async (fault, check, reason) => {
    const run = await simulateServer([fault]);
    expect(failedChecks(run)).toContain(check);
    expect(run.out).toContain(reason);
    await expectNothingLeft();
  });

  test("limits data to the memory less 1 GiB, as the platform does", { timeout }, async () => {
    const enough = await simulateServer(["takes-memory"], ["--memory", "6g"]);
    expect(failedChecks(enough)).toEqual([]);
    expect(report(enough).peakMemoryBytes).toBeGreaterThan(900 * 1024 ** 2);
    const tooLittle = await simulateServer(["takes-memory"], ["--memory", "1800m"]);
    expect(failedChecks(tooLittle).join()).toMatch(/health|invoke/);
  });

  test("says with the reason and the remedy what a folder processor would not do on grand-challenge", {
    timeout,
  }, async () => {
    const run = await runProgram(["simulate", processor, "-i", input], { cwd: scratch });
    expect(run.exitCode).toBe(5);
    expect(run.out).toMatch(/^fail +exit +exit code 4; last on stderr: INPUT_NOT_FOUND/m);
    expect(run.out).toMatch(/^fail +layout/m);
  });

  test("stopped with Ctrl-C leaves neither container nor volume", { timeout }, async () => {
    const started = new Promise<void>((resolve, reject) => {
      const events = testEngine().docker.getEvents({ filters: { event: ["start"] } });
      events.then((stream) => {
        stream.once("data", () => {
          (stream as unknown as { destroy(): void }).destroy();
          resolve();
        });
      }, reject);
    });
    const run = await runProgram(["simulate", processor, "--target", "plain", "-i", input], {
      cwd: scratch,
      interruptAfter: started,
    });
    expect(run.exitCode, run.err).toBe(130);
    await expectNothingLeft();
  });
});

test("simulate refuses without an engine, and says so", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "simulate-"));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const run = await runProgram(["simulate", "a:1", "-i", input], {
    cwd,
    environment: { DOCKER_HOST: "tcp://127.0.0.1:1" },
  });
  expect(run.exitCode).toBe(5);
  expect(run.err).toContain("ENGINE_MISSING");
  expect(run.err).toContain("preflight");
  expect(run.out).toBe("");
});

/** Two images of different size, as .mha. */
async function twoCases(): Promise<void> {
  mkdirSync(join(scratch, "cases"));
  const image = await readImage(join(input, "blob_010_0000.nii.gz"));
  const [slices, height, width] = image.geometry.sizeZyx;
  await writeImage(image, join(scratch, "cases", "first_0000.mha"));
  const half = Math.ceil(slices / 2);
  await writeImage(
    {
      ...image,
      voxels: image.voxels.slice(0, half * height * width),
      geometry: { ...image.geometry, sizeZyx: [half, height, width] },
    },
    join(scratch, "cases", "second_0000.mha"),
  );
}

/** Gives the processor's name to an image of another id, which it returns. */
async function otherImage(): Promise<string> {
  const { docker } = testEngine();
  const container = await docker.createContainer({ Image: processor });
  try {
    const [repo, tag] = processor.split(":");
    await container.commit({ repo, tag, comment: "another" });
  } finally {
    await container.remove();
  }
  return (await docker.getImage(processor).inspect()).Id;
}

async function simulateServer(faults: readonly Fault[], more: readonly string[] = []): Promise<ProgramRun> {
  const imageName = `nnunet-processor-test/server-${faults.join("-") || "good"}:1`;
  onTestFinished(() => removeImage(imageName));
  await buildServerImage({ from: processor, imageName, scratch: mkdtempSync(join(scratch, "s-")), faults });
  return simulated([imageName, "-i", join(scratch, "cases"), "--socket", "mr-image", ...more]);
}

const simulated = (args: readonly string[]): Promise<ProgramRun> =>
  runProgram(["simulate", ...args, "--json"], { cwd: scratch });

function report({ out, err }: ProgramRun): SimulationReport {
  if (out === "") throw new Error(err);
  return JSON.parse(out) as SimulationReport;
}

const failedChecks = (run: ProgramRun): readonly string[] =>
  report(run).phases.flatMap(({ phase, findings }) =>
    findings.filter(({ result }) => result === "fail").map(({ check }) => `${phase} ${check}`),
  );

async function expectNothingLeft(): Promise<void> {
  const { docker } = testEngine();
  const filters = { label: ["org.nnunet-processor.sandbox"] };
  expect(await docker.listContainers({ all: true, filters })).toEqual([]);
  expect((await docker.listVolumes({ filters })).Volumes ?? []).toEqual([]);
}
