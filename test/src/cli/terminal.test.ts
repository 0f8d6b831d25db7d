import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, cpSync, existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { goldenPath, repositoryRoot } from "../../support/golden.js";
import { convertGolden } from "../../support/model/convert.js";
import { writeSlowModel } from "../../support/model/slow-model.js";

let folder = "";
const input = goldenPath("v2", "blobs_2d", "input");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "terminal-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

test("a second Ctrl-C ends the program in the middle of a window", { timeout: 600_000 }, async () => {
  const [modelDir, slowDir] = [join(folder, "model"), join(folder, "slow")];
  await convertGolden({ name: "blobs_2d", outputDir: modelDir });
  await writeSlowModel(modelDir, slowDir);
  const program = join(repositoryRoot, "dist", "build_processor.js");
  const args = [
    "predict",
    "--model-dir",
    slowDir,
    "--input",
    input,
    "--output",
    join(folder, "out"),
    "--disable-tta",
  ];
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const signalAt = ["predicting", "stopping and cleaning up"];
  let err = "";
  let secondAt = 0;
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    if (signalAt[0] === undefined || !err.includes(signalAt[0])) return;
    signalAt.shift();
    secondAt = performance.now();
    // The next window has begun by then.
    setTimeout(() => child.kill("SIGINT"), signalAt.length === 1 ? 1000 : 0);
  });
  const [exitCode, signal] = await once(child, "close");
  expect({ exitCode, signal, signalAt }).toEqual({ exitCode: null, signal: "SIGINT", signalAt: [] });
  // The window would have taken longer: four seconds of its five at least were left.
  expect(performance.now() - secondAt).toBeLessThan(4000);
});

const program = join(repositoryRoot, "dist", "build_processor.js");
const planning = ["plan", "explain", goldenPath("tools", "datasets", "Dataset303_AnisoMR")];

/** Runs a command whose standard output is a file or a pipe. */
async function runWithOutput(stdout: number | "pipe") {
  cpSync(
    goldenPath("tools", "datasets", "Dataset303_AnisoMR", "expected_fingerprint.json"),
    join(folder, "Dataset303_AnisoMR", "dataset_fingerprint.json"),
  );
  const environment = { ...process.env, nnUNet_preprocessed: folder };
  const child = spawn(process.execPath, [program, ...planning], {
    env: environment,
    stdio: ["ignore", stdout, "pipe"],
  });
  child.stdout?.destroy();
  let err = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const [exitCode] = await once(child, "close");
  return { exitCode, err };
}

test("a reader that has closed the pipe, such as `head`, does not make a command fail", async () => {
  expect(await runWithOutput("pipe")).toEqual({ exitCode: 0, err: "" });
});

test.each(["/dev/full"].filter(existsSync))(
  "a report that does not fit the disk is a failure (%s)",
  async (path) => {
    const file = openSync(path, "w");
    const { exitCode, err } = await runWithOutput(file);
    closeSync(file);
    expect({ exitCode, err }).toEqual({
      exitCode: 5,
      err: "error DISK_FULL: no space left while writing the standard output\nSend the output to another file or disk.\n",
    });
  },
);
