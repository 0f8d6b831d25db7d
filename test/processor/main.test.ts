import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import type { Zyx } from "../../processor/imaging/volume/axes.js";
import { testImage } from "../support/images/test-image.js";
import { convertGolden } from "../support/model/convert.js";
import { writeSlowModel } from "../support/model/slow-model.js";
import { needs, testWith } from "../support/needs.js";
import {
  lastLine,
  type ProcessorRun,
  type RunProcessorOptions,
  runProcessor,
} from "../support/programs/run-processor.js";

const scratch = mkdtempSync(join(tmpdir(), "processor-main-"));
const modelDir = join(scratch, "model");
let input = "";
let output = "";

beforeAll(async () => {
  const settings = { writeJson: true, useTestTimeAugmentation: false };
  await convertGolden({ name: "blobs_2d", outputDir: modelDir, settings });
});

afterAll(() => rmSync(scratch, { recursive: true }));

beforeEach(() => {
  const folder = mkdtempSync(join(scratch, "run-"));
  input = join(folder, "input");
  output = join(folder, "output");
  mkdirSync(input);
  mkdirSync(output);
});

const run = (args: readonly string[] = [], options: RunProcessorOptions = {}): Promise<ProcessorRun> =>
  runProcessor(["--model-dir", modelDir, "--inputdir", input, "--outputdir", output, ...args], options);

const writeScan = (name: string, sizeZyx: Zyx = [4, 60, 60]): Promise<void> =>
  writeImage(testImage(sizeZyx), join(input, name));

const results = (): unknown => JSON.parse(readFileSync(join(output, "results.json"), "utf8"));

describe("the program in an image", () => {
  test("writes a segmentation for each image and results.json, and keeps stderr empty", async () => {
    await writeScan("first.nii.gz");
    await writeScan("second.nii.gz");
    const { exitCode, out, err } = await run();
    expect(err).toBe("");
    expect(exitCode).toBe(0);
    expect(readdirSync(output, { recursive: true }).sort()).toEqual([
      "images",
      "images/first.nii.gz",
      "images/second.nii.gz",
      "results.json",
    ]);
    expect(results()).toEqual(
      ["first", "second"].map((entity) => ({
        entity,
        metrics: { segmentation: `filepath:images/${entity}.nii.gz` },
        error_messages: [],
      })),
    );
    // A platform keeps the log by lines and may drop what a carriage return makes endless.
    expect(out).not.toContain("\r");
    expect(out).toContain("2 cases");
  });

  test("says that numbered files are separate cases if the model has one channel", async () => {
    for (const number of ["0000", "0001", "0002"]) await writeScan(`brats_${number}.nii.gz`);
    const { exitCode, out } = await run();
    expect(exitCode).toBe(0);
    expect(out.match(/brats_0000, brats_0001, … are segmented as separate cases/g)).toHaveLength(1);
    expect(readdirSync(join(output, "images"))).toHaveLength(3);
  });

  test("lets the command line override config.json", async () => {
    await writeScan("scan.mha");
    const { exitCode } = await run([
      ...[
        "--allowed-extensions",
        "mha,nii.gz",
        "--output-extension",
        "nrrd",
        "--overlay-destination",
        "masks",
      ],
      ...["--no-write-json", "--save-probabilities", "--folds", "0", "--step-size", "1", "--device", "cpu"],
    ]);
    expect(exitCode).toBe(0);
    expect(readdirSync(output)).toEqual(["masks"]);
    expect(readdirSync(join(output, "masks")).sort()).toEqual([
      "dataset.json",
      "plans.json",
      "scan.npz",
      "scan.nrrd",
      "scan.pkl",
    ]);
    const { geometry } = await readImage(join(output, "masks", "scan.nrrd"));
    expect(geometry.sizeZyx).toEqual([4, 60, 60]);
  });

  test("follows a linked input folder and takes the model's folder from the environment", async () => {
    await writeScan("scan.nii.gz");
    symlinkSync(input, `${input}-link`);
    const environment = { NNUNET_MODEL_DIR: modelDir };
    const args = ["--inputdir", `${input}-link`, "--outputdir", output];
    expect((await runProcessor(args, { environment })).exitCode).toBe(0);
    expect(readdirSync(join(output, "images"))).toEqual(["scan.nii.gz"]);
  });

  test("keeps existing results with --no-overwrite-output", async () => {
    await writeScan("scan.nii.gz");
    mkdirSync(join(output, "images"));
    writeFileSync(join(output, "images", "scan.nii.gz"), "earlier");
    expect((await run(["--no-overwrite-output"])).exitCode).toBe(0);
    expect(readFileSync(join(output, "images", "scan.nii.gz"), "utf8")).toBe("earlier");
    expect((await run()).exitCode).toBe(0);
    expect(readFileSync(join(output, "images", "scan.nii.gz")).length).toBeGreaterThan(20);
  });

  test("prints its options with --help and its version with --version", async () => {
    const help = await runProcessor(["--help"]);
    expect(help).toMatchObject({ exitCode: 0, err: "" });
    expect(help.out).toContain("--inputdir");
    const version = await runProcessor(["--version"]);
    expect(version).toMatchObject({ exitCode: 0, err: "", out: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });
});

describe("the last line says what went wrong, and the exit code what kind of error it is:", () => {
  test("one bad image of two is named, and the other one is segmented", async () => {
    await writeScan("good.nii.gz");
    writeFileSync(join(input, "bad.nii.gz"), "not an image");
    const { exitCode, err } = await run();
    expect(exitCode).toBe(6);
    expect(lastLine(err)).toMatch(/^SOME_CASES_FAILED: 1 of 2 cases failed: bad\. /);
    expect(err).toContain("bad: IMAGE_TRUNCATED");
    expect(readdirSync(join(output, "images"))).toEqual(["good.nii.gz"]);
    expect(results()).toMatchObject([
      { entity: "bad", metrics: {}, error_messages: [expect.stringContaining("IMAGE_TRUNCATED")] },
      { entity: "good", error_messages: [] },
    ]);
  });

  test("a single bad image gives the image's own exit code", async () => {
    const voxels = new Float32Array(4 * 60 * 60).fill(Number.NaN);
    await writeImage(testImage([4, 60, 60], { voxels }), join(input, "scan.mha"));
    const { exitCode, err } = await run(["--allowed-extensions", "mha"]);
    expect(exitCode).toBe(4);
    expect(lastLine(err)).toMatch(/^scan: IMAGE_NOT_FINITE: /);
  });

  test.each([
    ["no image", [], 4, /^INPUT_NOT_FOUND: .*nii\.gz/],
    [
      "an unknown option",
      ["--inputdirr", "x"],
      2,
      /^USAGE: no option --inputdirr; did you mean --inputdir\?/,
    ],
    ["an unknown precision", ["--model-dir", "none", "--precision", "half"], 2, /^USAGE: .*float16.*half/],
    ["a step size out of range", ["--step-size", "2"], 2, /^USAGE: --step-size must be .* but is 2/],
    ["an unknown device", ["--device", "tpu"], 2, /^USAGE: .*tpu/],
    ["no model", ["--model-dir", "/nonexistent"], 3, /^MODEL_NOT_FOUND: \/nonexistent/],
    ["a fold that the model lacks", ["--folds", "4"], 3, /^FOLD_MISSING: /],
    ["a destination outside the output folder", ["--overlay-destination", "../x"], 2, /^CONFIG_INVALID: /],
  ] as const)("%s", async (what, args, expected, line) => {
    if (what !== "no image") await writeScan("scan.nii.gz");
    const { exitCode, err } = await run(args);
    expect(lastLine(err)).toMatch(line);
    expect(exitCode).toBe(expected);
  });

  testWith([needs.linux], "an output folder that Docker made as root", async () => {
    await writeScan("scan.nii.gz");
    const { exitCode, err } = await run(["--outputdir", "/proc/nobody-may-write-here"]);
    expect(exitCode).toBe(5);
    expect(lastLine(err)).toContain("`mkdir -p out`");
    expect(lastLine(err)).toContain('--user "$(id -u):$(id -g)"');
  });

  test("CUDA is requested but missing", async () => {
    await writeScan("scan.nii.gz");
    const { exitCode, err } = await run(["--device", "cuda"]);
    expect(exitCode).toBe(5);
    expect(lastLine(err)).toMatch(/^DEVICE_MISSING: /);
    expect(readdirSync(join(output, "images"))).toEqual([]);
  });

  test("a case that exceeds the memory limit, while the next one is segmented", async () => {
    // 144 million voxels need 576 MB twice as float32; as one repeated value they fit in a small file.
    const voxels = new Uint8Array(400 * 600 * 600).fill(1);
    await writeImage(testImage([400, 600, 600], { voxels }), join(input, "huge.nii.gz"));
    await writeScan("small.nii.gz");
    const { exitCode, err } = await run([], { dataLimitKib: 1_100_000 });
    expect(err).toMatch(/huge: OUT_OF_MEMORY: /);
    expect(exitCode).toBe(6);
    expect(readdirSync(join(output, "images"))).toEqual(["small.nii.gz"]);
  });
});

describe("a stop", () => {
  test("does not wait for a window that takes longer than the platform waits", {
    timeout: 600_000,
  }, async () => {
    const slow = join(scratch, "slow");
    await writeSlowModel(modelDir, slow);
    await writeScan("scan.nii.gz");
    // A finished window is reported (on a fast machine, not the first one); a second later the next one is being computed.
    const stop = { signal: "SIGTERM", afterText: "predicting", laterMs: 1000 } as const;
    const { exitCode, err, stopSeconds } = await run(["--model-dir", slow], { stop });
    expect(exitCode).toBe(130);
    expect(err.trim().split("\n")).toEqual([expect.stringMatching(/^INTERRUPTED: stopped by SIGTERM/)]);
    expect(stopSeconds).toBeLessThan(5);
  });

  test.each(["SIGTERM", "SIGINT"] as const)(
    "by %s ends within five seconds and leaves nothing",
    async (signal) => {
      await writeScan("scan.nii.gz", [60, 300, 300]);
      const stop = { signal, afterText: "predicting" };
      const { exitCode, err, stopSeconds } = await run(["--step-size", "0.1", "--use-tta"], { stop });
      expect(exitCode).toBe(130);
      expect(lastLine(err)).toMatch(new RegExp(`^INTERRUPTED: stopped by ${signal}`));
      // A platform kills after five.
      expect(stopSeconds).toBeLessThan(5);
      expect(readdirSync(output, { recursive: true })).toEqual(["images"]);
    },
  );
});
