import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { examineMachine } from "../../../src/inspect/doctor.js";
import { neverStopped } from "../../support/never-stopped.js";

const scratch = mkdtempSync(join(tmpdir(), "doctor-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const noEngine = { PATH: scratch, DOCKER_HOST: `unix://${scratch}/none.sock` };
const options = {
  device: "auto",
  cuda: null,
  cacheFolder: scratch,
  environment: noEngine,
  signal: neverStopped(),
} as const;

describe("build_processor doctor", () => {
  test("passes a machine that can predict, even without an engine or a GPU", async () => {
    const { isFit, findings } = await examineMachine(options);
    expect(isFit).toBe(true);
    const resultOf = Object.fromEntries(findings.map(({ check, result }) => [check, result]));
    expect(resultOf).toMatchObject({ Node: "pass", "ONNX Runtime": "pass", "container engine": "warning" });
    expect(resultOf["GPU"]).not.toBe("fail");
  });

  test("gives a remedy with each failure or warning", async () => {
    const file = join(scratch, "file");
    writeFileSync(file, "");
    const { isFit, findings } = await examineMachine({
      ...options,
      device: "cuda",
      cacheFolder: join(file, "x"),
    });
    expect(isFit).toBe(false);
    expect(findings.find(({ check }) => check === "space (cache)")).toMatchObject({ result: "fail" });
    for (const { check, result, remedy } of findings)
      if (result === "fail" || result === "warning") expect(remedy, check).not.toBeNull();
  });

  test("fails in a folder without write permission, regardless of the free space", async () => {
    const { findings } = await examineMachine({ ...options, cacheFolder: "/proc" });
    expect(findings.find(({ check }) => check === "space (cache)")).toMatchObject({
      ...{ result: "fail", remedy: expect.stringContaining("XDG_CACHE_HOME") },
    });
  });

  test("reports a user without a home folder, and checks everything else", async () => {
    const { isFit, findings } = await examineMachine({
      ...options,
      cacheFolder: null,
    });
    expect(isFit).toBe(false);
    expect(findings.find(({ check }) => check === "space (cache)")).toMatchObject({
      ...{ result: "fail", reason: "this user has no home folder to keep it in" },
      remedy: "set XDG_CACHE_HOME, or HOME",
    });
    expect(findings.find(({ check }) => check === "space (temporary)")?.result).not.toBe("fail");
  });

  test("checks the container toolkit only for images that run on GPUs", async () => {
    const checks = async (device: "auto" | "cuda") =>
      (await examineMachine({ ...options, device })).findings.map(({ check }) => check);
    expect(await checks("auto")).not.toContain("GPU in containers");
    expect(await checks("cuda")).toContain("GPU in containers");
  });
});
