import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import type { SimulationReport } from "../../src/targets/simulate/simulate.js";
import { describeWithEngine, removeImage, testEngine } from "../support/docker/docker.js";
import { buildWithDocker, testBuildRequest } from "../support/docker/processor-build.js";
import { goldenPath } from "../support/golden.js";
import { outputOf } from "../support/program-on-path.js";
import { type ProgramRun, runProgram } from "../support/programs/run-program.js";
import { buildServerImage, buildTeamImage, type Fault } from "../support/targets/example-server.js";

// The first build downloads and unpacks the packages of the base image.
const timeout = 600_000;

const sandboxLabel = "org.nnunet-processor.sandbox";

/** A name of its own, because other runs of these tests may use the same engine. */
const suffix = randomUUID().slice(0, 8);
const group = `nnunet-processor-test/simulate-${suffix}`;
const processor = `${group}/processor:1`;
const input = goldenPath("v2", "blobs_2d", "input");

let scratch: string;

describeWithEngine("build_processor simulate", () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "simulate-"));
    const request = await testBuildRequest({ golden: "blobs_2d", imageName: processor, scratch });
    await buildWithDocker(request);
    await twoCases();
  }, timeout);

  afterAll(async () => {
    await removeImage(processor);
    rmSync(scratch, { recursive: true, force: true });
  });

  test("runs an archive in an isolated container, compares its answer and leaves the engine as it was", {
    timeout,
  }, async () => {
    // The same case eight times, so that the run is stopped before its end even on a busy machine.
    const [many, right] = [join(scratch, "many"), join(scratch, "right")];
    for (const folder of [many, right]) mkdirSync(folder);
    const expected = goldenPath("v2", "blobs_2d", "expected", "blob_010", "seg_tta.nii.gz");
    for (let i = 0; i < 8; i++) {
      copyFileSync(join(input, "blob_010_0000.nii.gz"), join(many, `blob_${i}_0000.nii.gz`));
      copyFileSync(expected, join(right, `blob_${i}.nii.gz`));
    }
    const { docker } = testEngine();
    const archived = `${group}/archived:1`;
    onTestFinished(() => removeImage(archived));
    const archive = join(scratch, "archived.tar");
    const imageId = await moveToArchive(archived, archive);
    // The name in the archive belongs to another image now, and must still do so afterwards.
    await docker.getImage(processor).tag({ repo: `${group}/archived`, tag: "1" });
    const run = await simulated([archive, "--target", "plain", "-i", many, "--expect", right]);
    expect(run.exitCode, run.err).toBe(0);
    const { isAccepted, peakMemoryBytes, phases } = report(run);
    expect(isAccepted).toBe(true);
    expect(peakMemoryBytes).toBeGreaterThan(10_000_000);
    expect(phases.map(({ phase }) => phase)).toEqual(["run", "stop"]);
    expect(failedChecks(run)).toEqual([]);
    const [background, organ] = phases[0]!.segmentations[0]!.labels;
    expect(background).toMatchObject({ label: 0, dice: expect.closeTo(1, 3) });
    // nnU-Net adds up windows in float16, so that a voxel on the edge between two labels may get the other one.
    expect(organ).toMatchObject({ label: 1, expectedVoxels: 5805, dice: expect.closeTo(1, 3) });
    expect(phases[1]!.findings).toMatchObject([{ check: "sigterm", result: "pass" }]);
    expect(report(run).imageId).toBe(imageId);
    await expect(docker.getImage(imageId).inspect()).rejects.toMatchObject({ statusCode: 404 });
    const [now, before] = await Promise.all(
      [archived, processor].map((name) => docker.getImage(name).inspect()),
    );
    expect(now!.Id).toBe(before!.Id);
    await expectNothingLeft(archive);
  });

  test("runs an image for grand-challenge, whose model is not in the image, in both of the platform's ways", {
    timeout,
  }, async () => {
    const imageName = `${group}/apart:1`;
    onTestFinished(() => removeImage(imageName));
    const cwd = mkdtempSync(join(scratch, "apart-"));
    const config = { target: "grand-challenge", grand_challenge: { output: "organ" } };
    writeFileSync(join(cwd, "config.json"), JSON.stringify(config));
    const build = await runProgram(
      ["--model-dir", goldenPath("v2", "blobs_2d", "model"), "--tag", imageName, "--model-tarball"],
      { cwd },
    );
    expect(build.exitCode, build.err).toBe(0);
    const model = join(cwd, readdirSync(cwd).find((name) => name.endsWith(".tar.gz"))!);
    const run = await simulated([imageName, "-i", join(scratch, "cases"), "--model-tarball", model]);
    expect(run.exitCode, run.err + run.out).toBe(0);
    expect(report(run).target).toBe("grand-challenge");
    expect(report(run).phases.map(({ phase }) => phase)).toEqual([
      "exec",
      "exec-stop",
      "start",
      "invoke-1",
      "invoke-2",
      "stop",
    ]);
    const without = await simulated([imageName, "-i", join(scratch, "cases")]);
    expect(failedChecks(without)).toContain("exec exit");
    expect(failedChecks(without)).toContain("start health");
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
    await expectNothingLeft(serverName([]));
  });

  test("finds a server that remembers the previous case and one that ignores SIGTERM", {
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
    await expectNothingLeft(serverName([fault]));
  });

  test("limits data to the memory less 1 GiB, as the platform does", { timeout }, async () => {
    const enough = await simulateServer(["takes-memory"], ["--memory", "6g"]);
    expect(failedChecks(enough)).toEqual([]);
    expect(report(enough).peakMemoryBytes).toBeGreaterThan(900 * 1024 ** 2);
    const tooLittle = await simulateServer(["takes-memory"], ["--memory", "1800m"]);
    expect(failedChecks(tooLittle).join()).toMatch(/health|invoke/);
  });

  test("says, with the reason and the remedy, why an image that reads a folder would fail on grand-challenge", {
    timeout,
  }, async () => {
    const run = await runProgram(["simulate", processor, "--target", "grand-challenge", "-i", input], {
      cwd: scratch,
    });
    expect(run.exitCode).toBe(5);
    expect(run.out).toMatch(/^fail +exit +exit code 4; last on stderr: INPUT_NOT_FOUND/m);
    expect(run.out).toMatch(/^fail +layout/m);
  });

  test("starts a team's image in AMOS22's ways: as root, as another user, and with other file names", {
    timeout,
  }, async () => {
    const team = `team${suffix}`;
    onTestFinished(() => removeImage(team));
    await buildTeamImage({ from: processor, imageName: team, scratch: mkdtempSync(join(scratch, "t-")) });
    const run = await simulated([team, "--target", "amos22", "-i", input, "--memory", "4g"]);
    expect(run.exitCode, run.err + run.out).toBe(0);
    expect(report(run).phases.map(({ phase }) => phase)).toEqual(["workspace", "input"]);
    expect(report(run).phases[1]!.segmentations[0]!.path).toBe("scan of 21.Nov_b.nii.gz");
  });

  test("finds a team's image that gives its answers other names", { timeout }, async () => {
    const team = `team-${suffix}`;
    onTestFinished(() => removeImage(team));
    await buildTeamImage({
      ...{ from: processor, imageName: team, scratch: mkdtempSync(join(scratch, "t-")) },
      fault: "own-names",
    });
    const run = await simulated([team, "--target", "amos22", "-i", input, "--memory", "4g"]);
    expect(failedChecks(run)).toEqual(["workspace layout", "input layout"]);
    expect(report(run).findings).toContainEqual(
      expect.objectContaining({ check: "team-name", result: "fail" }),
    );
  });

  test("leaves neither container nor volume after Ctrl-C", { timeout }, async () => {
    // Other tests start containers at the same time.
    const filters = { event: ["start"], label: [`${sandboxLabel}=${processor}`] };
    const events = (await testEngine().docker.getEvents({ filters })) as Readable;
    onTestFinished(() => void events.destroy());
    const started = once(events, "data");
    const run = await runProgram(["simulate", processor, "--target", "plain", "-i", input], {
      cwd: scratch,
      interruptAfter: started,
    });
    expect(run.exitCode, run.err).toBe(130);
    await expectNothingLeft(processor);
  });
});

test("simulate without an engine is refused with the reason", async () => {
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

/** Writes two .mha images of different sizes. */
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

/** Writes a copy of the processor's image, with another id, to an archive and removes it from the engine. */
async function moveToArchive(imageName: string, archive: string): Promise<string> {
  const { docker } = testEngine();
  const container = await docker.createContainer({ Image: processor });
  try {
    const [repo, tag] = imageName.split(":");
    await container.commit({ repo, tag, comment: "a copy" });
  } finally {
    await container.remove();
  }
  const { Id } = await docker.getImage(imageName).inspect();
  await outputOf("docker", "save", "-o", archive, imageName);
  await removeImage(imageName);
  return Id;
}

const serverName = (faults: readonly Fault[]): string => `${group}/server-${faults.join("-") || "good"}:1`;

async function simulateServer(faults: readonly Fault[], more: readonly string[] = []): Promise<ProgramRun> {
  const imageName = serverName(faults);
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

async function expectNothingLeft(image: string): Promise<void> {
  const { docker } = testEngine();
  const filters = { label: [`${sandboxLabel}=${image}`] };
  expect(await docker.listContainers({ all: true, filters })).toEqual([]);
  expect((await docker.listVolumes({ filters })).Volumes ?? []).toEqual([]);
}
