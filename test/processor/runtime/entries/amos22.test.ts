import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../../../processor/imaging/formats/write-image.js";
import { testImage } from "../../../support/images/test-image.js";
import { convertGolden } from "../../../support/model/convert.js";
import { lastLine, type ProcessorRun, runProcessor } from "../../../support/programs/run-processor.js";

const scratch = mkdtempSync(join(tmpdir(), "amos22-"));
const modelDir = join(scratch, "model");
let workspace = "";
let root = "";

beforeAll(async () => {
  const settings = {
    useTestTimeAugmentation: false,
    // Settings of other targets; only the platform's own rules count.
    ...{ overlayDestination: "images", allowedExtensions: ["mha"], outputExtension: "mha" },
  };
  await convertGolden({ name: "blobs_2d", outputDir: modelDir, settings });
});

afterAll(() => rmSync(scratch, { recursive: true }));

beforeEach(() => {
  const folder = mkdtempSync(join(scratch, "run-"));
  workspace = join(folder, "workspace");
  root = join(folder, "root");
  for (const place of [workspace, root]) {
    mkdirSync(join(place, "input"), { recursive: true });
    mkdirSync(join(place, "output"));
  }
  writeFileSync(
    join(folder, "target.json"),
    JSON.stringify({ targetVersion: 1, target: { kind: "amos22" } }),
  );
});

const run = (): Promise<ProcessorRun> =>
  runProcessor(
    [
      ...["--target-file", join(workspace, "..", "target.json"), "--model-dir", modelDir],
      ...["--inputdir", join(root, "input"), "--outputdir", join(root, "output")],
    ],
    { workingDir: workspace },
  );

const writeScan = (place: string, name: string): Promise<void> =>
  writeImage(testImage([2, 40, 50]), join(place, "input", name));

describe("an image for AMOS22", () => {
  test("writes the segmentation of any file under the same name", async () => {
    const names = ["amos_0001.nii.gz", "amos_0001_0000.nii.gz", "any name.v2.nii.gz", "ct.mha.nii.gz"];
    for (const name of names) await writeScan(workspace, name);
    const { exitCode, err } = await run();
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    expect(readdirSync(join(workspace, "output")).sort()).toEqual(names.toSorted());
    const { geometry, voxels } = await readImage(join(workspace, "output", names[1]!));
    expect(geometry.sizeZyx).toEqual([2, 40, 50]);
    expect(voxels).toBeInstanceOf(Uint8Array);
  });

  test("uses /input and /output if nothing is mounted below the working directory", async () => {
    await writeScan(root, "a.nii.gz");
    expect((await run()).exitCode).toBe(0);
    expect(readdirSync(join(root, "output"))).toEqual(["a.nii.gz"]);
    expect(readdirSync(join(workspace, "output"))).toEqual([]);
  });

  test("finishes the other cases after a bad one, and names it", async () => {
    await writeScan(workspace, "good.nii.gz");
    writeFileSync(join(workspace, "input", "bad.nii.gz"), "no image");
    const { exitCode, err } = await run();
    expect(exitCode).toBe(6);
    expect(lastLine(err)).toMatch(/^SOME_CASES_FAILED: 1 of 2 cases failed: bad\./);
    expect(readdirSync(join(workspace, "output"))).toEqual(["good.nii.gz"]);
  });

  test("refuses to choose if both places have images, and says where it looked if neither has", async () => {
    const empty = await run();
    expect(lastLine(empty.err)).toMatch(/^INPUT_NOT_FOUND: .*workspace.*input and .*root.*input/);
    expect(empty.exitCode).toBe(4);
    await writeScan(workspace, "a.nii.gz");
    await writeScan(root, "a.nii.gz");
    expect(lastLine((await run()).err)).toMatch(/^INPUT_AMBIGUOUS: /);
  });
});

test("an image for SOL writes log lines with date, time and name", async () => {
  const targetFile = join(workspace, "..", "target.json");
  writeFileSync(targetFile, JSON.stringify({ targetVersion: 1, target: { kind: "sol" } }));
  await writeImage(testImage([2, 40, 50]), join(root, "input", "a.mha"));
  const { exitCode, out } = await run();
  expect(exitCode).toBe(0);
  expect(readdirSync(join(root, "output", "images"))).toEqual(["a.mha"]);
  for (const line of out.trimEnd().split("\n"))
    expect(line).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[processor {2}\] ./);
});

test.each([
  ["a file that is not JSON", "{", /^MANIFEST_INVALID: .*is not JSON/],
  [
    "another version",
    '{"targetVersion": 2}',
    /^MANIFEST_INVALID: .*Version is 2; this version of the program reads 1/,
  ],
  [
    "an unknown target",
    '{"targetVersion": 1, "target": {"kind": "moon"}}',
    /^MANIFEST_INVALID: .*target\.kind should be one of/,
  ],
])("a target file with %s stops the image", async (_, text, line) => {
  writeFileSync(join(workspace, "..", "target.json"), text);
  const { exitCode, err } = await run();
  expect(lastLine(err)).toMatch(line);
  expect(exitCode).toBe(3);
});
