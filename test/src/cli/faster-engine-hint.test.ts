import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { PredictionReport } from "../../../processor/runtime/entries/predict.js";
import { fasterEngineHint } from "../../../src/cli/faster-engine-hint.js";
import { main } from "../../../src/cli/main.js";
import { goldenPath } from "../../support/golden.js";
import { testTerminal } from "../../support/programs/test-terminal.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hint-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function reportOf(engine: string): Promise<PredictionReport> {
  const terminal = testTerminal(folder);
  const model = goldenPath("v2", "blobs_2d");
  const argv = ["predict", "--model-dir", join(model, "model"), "-i", join(model, "input"), "-o", "out"];
  expect(await main([...argv, "--inference-engine", engine, "--json"], terminal)).toBe(0);
  return JSON.parse(terminal.printed.out) as PredictionReport;
}

test("a slow run on a CPU without OpenVINO ends with the command that installs it, and a fast one does not", async () => {
  const report = await reportOf("onnxruntime");
  expect(report.inferenceEngine).toMatch(/^ONNX Runtime \d+\.\d+\.\d+$/);
  expect(report.cases[0]!.inferenceEngine).toBe(report.inferenceEngine);
  const environment = { XDG_CACHE_HOME: join(folder, "cache") };
  expect(await fasterEngineHint(report, 61_000, environment)).toContain("inference-engines install");
  expect(await fasterEngineHint(report, 59_000, environment)).toBeNull();
});
