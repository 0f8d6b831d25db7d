import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BenchRow } from "../bench/bench-row.js";
import { repositoryRoot } from "../support/golden.js";
import { describeWith, needs } from "../support/needs.js";

// The test packs the program, unpacks it as on a GPU machine, and runs two models on the CPU.
const timeout = 600_000;

describeWith([needs.linux, needs.bash, needs.tar, needs.xz], "the kit for GPU machines", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "gpu-kit-"));
    const pack = join(repositoryRoot, "dist", "test", "bench", "gpu-kit", "pack-kit.js");
    execFileSync(process.execPath, [pack, folder, "--rehearse"], { stdio: "pipe" });
    execFileSync("bash", [join(folder, "setup.sh")], { cwd: "/", stdio: "pipe" });
  }, timeout);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("measures golden cases and a network's operators without the clone and its packages", {
    timeout,
  }, () => {
    const kit = join(folder, "kit");
    const { NNUNET_VENV: _, ...env } = process.env;
    const { status, stderr } = spawnSync(
      join(kit, "bin", "node"),
      [join(kit, "dist", "test", "bench", "gpu-bench.js"), "--kit", "--rehearse", "golden", "profile"],
      { cwd: folder, env, encoding: "utf8" },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const { rows } = JSON.parse(readFileSync(join(kit, "out", "bench-gpu.json"), "utf8")) as {
      readonly rows: readonly BenchRow[];
    };
    expect(rows[0]).toMatchObject({
      what: "mr_regions_resenc_3d: lowest Dice of a label",
      ours: expect.stringMatching(
        /^(1\.|0\.999)\d+ on CPUExecutionProvider \(ONNX Runtime [\d.]+\), in float16$/,
      ),
    });
    expect(rows.map(({ what }) => what)).toContain("profile: Conv CPUExecutionProvider");
  });
});
