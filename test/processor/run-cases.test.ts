import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import type { PredictionReport } from "../../processor/runtime/entries/predict.js";
import { goldenPath } from "../support/golden.js";
import { testImage } from "../support/images/test-image.js";
import { convertGolden } from "../support/model/convert.js";
import { type PredictChoices, predictWith } from "../support/model/predict.js";
import { needs, testWith } from "../support/needs.js";

const scratch = mkdtempSync(join(tmpdir(), "run-cases-"));
const oneChannel = join(scratch, "one-channel");
const twoChannels = join(scratch, "two-channels");
let input = "";
let output = "";

beforeAll(async () => {
  await convertGolden({ name: "blobs_2d", outputDir: oneChannel });
  await convertGolden({ name: "mr_regions_resenc_3d", outputDir: twoChannels });
});

afterAll(() => rmSync(scratch, { recursive: true }));

beforeEach(() => {
  const folder = mkdtempSync(join(scratch, "case-"));
  input = join(folder, "input");
  output = join(folder, "output");
  mkdirSync(input);
});

const good = testImage([4, 60, 60]);
const writeGood = (name: string): Promise<void> => writeImage(good, join(input, name));

const predict = (options: PredictChoices = {}): Promise<PredictionReport> =>
  predictWith({
    modelDir: oneChannel,
    inputs: [input],
    outputDir: output,
    useTestTimeAugmentation: false,
    stepSize: 1,
    ...options,
  });

const outcome = ({ cases }: PredictionReport) =>
  cases.map(({ name, status, error }) => [name, status, error?.code]);

describe("one bad case is reported and the others go on", () => {
  const faults: readonly {
    readonly name: string;
    readonly code: string;
    readonly spoil: (path: string) => Promise<void>;
  }[] = [
    {
      name: "voxels that scaling makes infinite",
      code: "IMAGE_NOT_FINITE",
      spoil: (path) => patched(path, (nifti) => nifti.writeFloatLE(3e38, 112)),
    },
    {
      name: "an axis without voxels",
      code: "IMAGE_EMPTY",
      spoil: (path) => patched(path, (nifti) => nifti.writeInt16LE(0, 42)),
    },
    {
      name: "a header that claims 100 GB",
      code: "IMAGE_TRUNCATED",
      spoil: (path) =>
        patched(path, (nifti) => [42, 44, 46].forEach((at) => void nifti.writeInt16LE(3700, at))),
    },
    {
      name: "a truncated gzip file",
      code: "IMAGE_TRUNCATED",
      spoil: async (path) => {
        await writeImage(good, path);
        truncateSync(path, readFileSync(path).length - 20);
      },
    },
    {
      name: "a file that is not an image",
      code: "IMAGE_TRUNCATED",
      spoil: async (path) => writeFileSync(path, "not a gzip file"),
    },
    {
      name: "a sheared orientation and no other",
      code: "IMAGE_INVALID",
      spoil: (path) =>
        patched(path, (nifti) => {
          nifti.writeFloatLE(0.4, 284);
          nifti.writeInt16LE(0, 252);
        }),
    },
  ];

  test.each(faults)("$name", async ({ code, spoil }) => {
    await writeGood("a_0000.nii.gz");
    await spoil(join(input, "b_0000.nii.gz"));
    await writeGood("c_0000.nii.gz");
    expect(outcome(await predict())).toEqual([
      ["a", "done", undefined],
      ["b", "failed", code],
      ["c", "done", undefined],
    ]);
    expect(readdirSync(output).sort()).toEqual(["a.nii.gz", "c.nii.gz"]);
  });

  const withNaN = () => {
    const voxels = Float32Array.from(good.voxels, Number);
    voxels[5] = Number.NaN;
    voxels[6] = Number.POSITIVE_INFINITY;
    return testImage([4, 60, 60], { voxels });
  };

  test("NaN voxels of a NIfTI file count as 0, as for ITK, and the log and the report say so", async () => {
    await writeImage(withNaN(), join(input, "a_0000.nii.gz"));
    const notes: string[] = [];
    const { cases } = await predict({ progress: { ...silentProgress, note: (line) => notes.push(line) } });
    const warning = `${join(input, "a_0000.nii.gz")}: 2 voxels were NaN or infinite and are read as 0, as in nnU-Net's own reader`;
    expect(cases).toMatchObject([{ name: "a", status: "done", warnings: [warning] }]);
    expect(notes).toContain(`a: ${warning}`);
  });

  test("NaN voxels of another format stop the case", async () => {
    await writeImage(withNaN(), join(input, "a_0000.mha"));
    expect(outcome(await predict())).toEqual([["a", "failed", "IMAGE_NOT_FINITE"]]);
  });

  async function patched(path: string, change: (nifti: Buffer) => void): Promise<void> {
    await writeImage(good, path);
    const nifti = gunzipSync(readFileSync(path));
    change(nifti);
    writeFileSync(path, gzipSync(nifti));
  }

  test("a missing channel is named with the channels that the model wants", async () => {
    await writeGood("a_0000.nii.gz");
    const report = await predict({ modelDir: twoChannels });
    expect(outcome(report)).toEqual([["a", "failed", "INPUT_CHANNELS"]]);
    expect(report.cases[0]!.error!.message).toContain("_0001 T2");
  });

  test.each([
    ["one channel", () => oneChannel, ["0000", "0001", "0002", "0003"]],
    ["two channels", () => twoChannels, ["0000", "0001", "0002"]],
  ])("more files than a model of %s takes", async (_, modelOf, numbers) => {
    for (const number of numbers) await writeGood(`brats_${number}.nii.gz`);
    await writeGood("good_0000.nii.gz");
    await writeGood("good_0001.nii.gz");
    if (numbers.length === 4) rmSync(join(input, "good_0001.nii.gz"));
    const report = await predict({ modelDir: modelOf() });
    expect(outcome(report)).toEqual([
      ["brats", "failed", "INPUT_CHANNELS"],
      ["good", "done", undefined],
    ]);
    expect(report.cases[0]!.error!.message).toMatch(/but brats has \d: .*such as brats_0001_0000/);
  });

  test("a link that leads nowhere", async () => {
    await writeGood("a_0000.nii.gz");
    symlinkSync(join(input, "gone"), join(input, "b_0000.nii.gz"));
    mkdirSync(join(input, "c_0000.nii.gz"));
    const report = await predict();
    expect(report.cases.map(({ name, status }) => [name, status])).toEqual([
      ["a", "done"],
      ["b", "failed"],
    ]);
    expect(report.cases[1]!.error!.code).not.toBe("BUG");
    expect(report.leftOut).toEqual([{ path: join(input, "c_0000.nii.gz"), reason: "folder" }]);
  });

  test("channels on different grids", async () => {
    await writeGood("a_0000.nii.gz");
    await writeImage(testImage([4, 60, 59]), join(input, "a_0001.nii.gz"));
    const report = await predict({ modelDir: twoChannels });
    expect(outcome(report)).toEqual([["a", "failed", "GEOMETRY_MISMATCH"]]);
    expect(report.cases[0]!.error!.message).toContain("4 × 60 × 59 and 4 × 60 × 60");
  });
});

describe("an existing result", () => {
  test("is an error by default, before the work starts", async () => {
    await writeGood("a_0000.nii.gz");
    mkdirSync(output);
    writeFileSync(join(output, "a.nii.gz"), "earlier");
    await expect(predict()).rejects.toMatchObject({ code: "OUTPUT_EXISTS" });
    expect(readFileSync(join(output, "a.nii.gz"), "utf8")).toBe("earlier");
  });

  test("is kept with --continue, and the other cases are segmented", async () => {
    await writeGood("a_0000.nii.gz");
    await writeGood("b_0000.nii.gz");
    mkdirSync(output);
    writeFileSync(join(output, "a.nii.gz"), "earlier");
    expect(outcome(await predict({ existing: "continue" }))).toEqual([
      ["a", "skipped", undefined],
      ["b", "done", undefined],
    ]);
    expect(readFileSync(join(output, "a.nii.gz"), "utf8")).toBe("earlier");
  });

  test("is replaced when asked for", async () => {
    await writeGood("a_0000.nii.gz");
    mkdirSync(output);
    writeFileSync(join(output, "a.nii.gz"), "earlier");
    expect(outcome(await predict({ existing: "overwrite" }))).toEqual([["a", "done", undefined]]);
    expect(readFileSync(join(output, "a.nii.gz"), "utf8")).not.toBe("earlier");
  });
});

describe("nothing runs if the request cannot succeed", () => {
  test("two files for one channel of a case", async () => {
    await writeGood("a_0000.nii.gz");
    await writeGood("a_0000.nii");
    await expect(
      predict({ inputs: [join(input, "a_0000.nii.gz"), join(input, "a_0000.nii")] }),
    ).rejects.toMatchObject({
      code: "INPUT_AMBIGUOUS",
    });
  });

  test("an input folder that does not exist", async () => {
    await expect(predict({ inputs: [join(input, "nothing")] })).rejects.toMatchObject({
      code: "INPUT_NOT_FOUND",
    });
  });

  test("an empty input folder", async () => {
    await expect(predict()).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
  });

  test("an output that is a file", async () => {
    await writeGood("a_0000.nii.gz");
    writeFileSync(output, "");
    await expect(predict()).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
  });

  testWith([needs.notRoot], "an output folder without permission", async () => {
    await writeGood("a_0000.nii.gz");
    mkdirSync(output);
    chmodSync(output, 0o500);
    await expect(predict()).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
  });

  test("CUDA without a GPU is an error, never a run on the CPU", async () => {
    await writeGood("a_0000.nii.gz");
    await expect(predict({ device: "cuda" })).rejects.toMatchObject({ code: "DEVICE_MISSING" });
  });

  test("a fold that the model does not have", async () => {
    await writeGood("a_0000.nii.gz");
    await expect(predict({ folds: ["7"] })).rejects.toMatchObject({ code: "FOLD_MISSING" });
  });
});

testWith([needs.mount], "a full disk is reported for each case and leaves nothing half-written", async () => {
  await writeGood("a_0000.nii.gz");
  mkdirSync(output);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=4k", "tmpfs", output]);
  try {
    writeFileSync(join(output, "filler"), Buffer.alloc(4096));
    expect(outcome(await predict())).toEqual([["a", "failed", "DISK_FULL"]]);
    expect(readdirSync(output)).toEqual(["filler"]);
  } finally {
    execFileSync("umount", [output]);
  }
});

describe("a user's hooks", () => {
  test("change the image before and the result after", async () => {
    await writeGood("a_0000.nii.gz");
    const hookModule = join(input, "..", "hooks.mjs");
    writeFileSync(
      hookModule,
      `export const preProcessImage = (image) => ({ ...image, voxels: image.voxels.map(() => 0) });
       export const postProcessImage = ({ labelMap }) => ({ ...labelMap, voxels: labelMap.voxels.map(() => 2) });`,
    );
    const report = await predict({ hookModule });
    expect(report.cases[0]!.labels!.find(({ label }) => label === 2)!.voxels).toBe(4 * 60 * 60);
  });

  test("that throw are reported with the case's name and the line of the hook", async () => {
    await writeGood("a_0000.nii.gz");
    const hookModule = join(input, "..", "throws.mjs");
    writeFileSync(
      hookModule,
      `export function preProcessImage() {\n  throw new Error("no contrast agent");\n}`,
    );
    const report = await predict({ hookModule });
    expect(outcome(report)).toEqual([["a", "failed", "HOOK_FAILED"]]);
    expect(report.cases[0]!.error!.message).toMatch(
      /a: preProcessImage threw Error: no contrast agent at .*throws\.mjs:2/,
    );
  });

  test("that export no known function are refused before the work starts", async () => {
    await writeGood("a_0000.nii.gz");
    const hookModule = join(input, "..", "other.mjs");
    writeFileSync(hookModule, "export const process = 1;");
    await expect(predict({ hookModule })).rejects.toMatchObject({ code: "HOOK_INVALID" });
  });
});

test("a stop in the middle ends the run and leaves nothing half-written", async () => {
  await writeGood("a_0000.nii.gz");
  const stop = new AbortController();
  const progress = {
    ...silentProgress,
    start: () => {
      stop.abort(new Error("stopped"));
      return { advance: () => {}, done: () => {} };
    },
  };
  await expect(predict({ progress, signal: stop.signal })).rejects.toThrow("stopped");
  expect(readdirSync(output)).toEqual([]);
});

test("files with other names are left out and reported", async () => {
  cpSync(goldenPath("v2", "mr_regions_resenc_3d", "input"), input, { recursive: true });
  await writeImage(
    { ...good, source: { path: "", format: "metaimage", fields: {} } },
    join(input, "stray.mha"),
  );
  const notes: string[] = [];
  await predict({
    modelDir: twoChannels,
    progress: { ...silentProgress, note: (line) => void notes.push(line) },
  });
  expect(notes).toContainEqual(
    expect.stringMatching(/^left out: 1 image not named as a channel .*: stray\.mha$/),
  );
});
