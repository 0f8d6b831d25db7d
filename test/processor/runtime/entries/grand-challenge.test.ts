import {
  cpSync,
  existsSync,
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
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { GrandChallengeTarget } from "../../../../processor/contract/target.js";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../../../processor/imaging/formats/write-image.js";
import type { Image } from "../../../../processor/imaging/volume/image.js";
import { goldenPath, repositoryRoot } from "../../../support/golden.js";
import { compareSegmentations } from "../../../support/images/compare-segmentations.js";
import { testImage } from "../../../support/images/test-image.js";
import { convertGolden } from "../../../support/model/convert.js";
import { outputOf } from "../../../support/program-on-path.js";
import {
  lastLine,
  type ProcessorRun,
  type RunProcessorOptions,
  runProcessor,
} from "../../../support/programs/run-processor.js";
import { type AlgorithmServer, startAlgorithmServer } from "../../../support/targets/algorithm-server.js";

const scratch = mkdtempSync(join(tmpdir(), "grand-challenge-"));
const modelDir = join(scratch, "model");
const uuid = "3f9a4b62-8a3e-4c2e-9d1b-0a1b2c3d4e5f";
let scan: Image;
let folder = "";
let input = "";
let output = "";
let server: AlgorithmServer | null = null;

beforeAll(async () => {
  const settings = { useTestTimeAugmentation: false };
  await convertGolden({ name: "blobs_2d", outputDir: modelDir, settings });
  scan = await readImage(goldenPath("v2", "blobs_2d", "input", "blob_010_0000.nii.gz"));
});

afterAll(() => rmSync(scratch, { recursive: true }));

beforeEach(() => {
  folder = mkdtempSync(join(scratch, "run-"));
  // The platform links /input to another folder.
  mkdirSync(join(folder, "elsewhere"));
  input = join(folder, "input");
  symlinkSync(join(folder, "elsewhere"), input);
  output = join(folder, "output");
  mkdirSync(output);
});

afterEach(async () => {
  await server?.stop("SIGKILL");
  server = null;
});

const target: GrandChallengeTarget = {
  kind: "grand-challenge",
  apiMethod: "exec",
  inputSockets: { CT: "ct-image" },
  outputSocket: "organ-segmentation",
  jsonOutputs: [
    { relativePath: "organ-volumes.json", content: "volumes_ml", label: null },
    { relativePath: "organ/voxels.json", content: "voxel_counts", label: "organ" },
  ],
};

function args(changed: Partial<GrandChallengeTarget> = {}): readonly string[] {
  const file = join(folder, "target.json");
  writeFileSync(file, JSON.stringify({ targetVersion: 1, target: { ...target, ...changed } }));
  return ["--target-file", file, "--model-dir", modelDir, "--inputdir", input, "--outputdir", output];
}

const exec = (
  extra: readonly string[] = [],
  changed: Partial<GrandChallengeTarget> = {},
  options: RunProcessorOptions = {},
): Promise<ProcessorRun> => runProcessor([...args(changed), ...extra], options);

async function writeScan(slug = "ct-image", name = `${uuid}.mha`, image = scan): Promise<void> {
  mkdirSync(join(input, "images", slug), { recursive: true });
  await writeImage(image, join(input, "images", slug, name));
}

const writeInputsJson = (items: readonly unknown[]): void =>
  writeFileSync(join(input, "inputs.json"), JSON.stringify(items));

const items2025 = [
  {
    interface: { slug: "ct-image", relative_path: "images/ct-image", super_kind: "Image", kind: "Image" },
    image: { name: "scan.mha" },
    file: null,
    value: null,
  },
  { interface: { slug: "age", relative_path: "age.json", super_kind: "Value" }, value: 61 },
];

const items2026 = [
  {
    socket: { slug: "ct-image", relative_path: "images/ct-image", is_image_kind: true, is_json_kind: false },
    image: { name: "scan.mha" },
  },
  { socket: { slug: "age", relative_path: "age.json", is_image_kind: false, is_json_kind: true }, value: 61 },
];

const segmentation = (name = `${uuid}.mha`): string => join(output, "images", "organ-segmentation", name);
const json = (path: string): unknown => JSON.parse(readFileSync(join(output, path), "utf8"));

/** The rules of the golden data: at most one voxel in 10,000 differs, Dice at least 0.999. */
async function expectGolden(path: string): Promise<void> {
  const expected = goldenPath("v2", "blobs_2d", "expected", "blob_010", "seg.nii.gz");
  const { differing, voxels, dice, geometry, expectedGeometry } = await compareSegmentations(path, expected);
  expect(differing / voxels).toBeLessThanOrEqual(1e-4);
  for (const value of Object.values(dice)) expect(value).toBeGreaterThanOrEqual(0.999);
  expect(geometry.sizeZyx).toEqual(expectedGeometry.sizeZyx);
  for (let i = 0; i < 3; i++) {
    expect(geometry.spacingMmZyx[i]).toBeCloseTo(expectedGeometry.spacingMmZyx[i]!, 5);
    expect(geometry.originMmXyz[i]).toBeCloseTo(expectedGeometry.originMmXyz[i]!, 4);
  }
}

describe("exec", () => {
  test.each([
    ["in the spelling of 2025", items2025],
    ["in the spelling of 2026", items2026],
    ["absent, as on an older platform", null],
  ] as const)("gives nnU-Net's answer with inputs.json %s", async (_, items) => {
    await writeScan();
    if (items !== null) writeInputsJson(items);
    const { exitCode, err } = await exec();
    expect(err).toBe("");
    expect(exitCode).toBe(0);
    expect(readdirSync(output, { recursive: true }).sort()).toEqual([
      "images",
      "images/organ-segmentation",
      `images/organ-segmentation/${uuid}.mha`,
      "organ",
      "organ-volumes.json",
      "organ/voxels.json",
    ]);
    await expectGolden(segmentation());
    expect(readFileSync(segmentation(), "latin1")).toContain("ElementType = MET_UCHAR\n");
  });

  test("counts labels in the JSON files", async () => {
    await writeScan();
    expect((await exec()).exitCode).toBe(0);
    const { voxels, geometry } = await readImage(segmentation());
    const organ = (voxels as Uint8Array).reduce((count, label) => count + (label === 1 ? 1 : 0), 0);
    const voxelMl = geometry.spacingMmZyx.reduce((product, mm) => product * mm, 1) / 1000;
    expect(organ).toBeGreaterThan(0);
    expect(json("organ/voxels.json")).toBe(organ);
    expect(json("organ-volumes.json")).toEqual({
      // Six digits are kept.
      organ: expect.closeTo(organ * voxelMl, 4),
      lesion: 0,
    });
  });

  function copyFlat(): string {
    mkdirSync(join(input, "images", "ct-image"), { recursive: true });
    const tiff = join(input, "images", "ct-image", "slide.tif");
    cpSync(join(repositoryRoot, "test", "fixtures", "tiff", "flat8.tif"), tiff);
    return tiff;
  }

  test("refuses to write the volumes of a flat image, which has none", async () => {
    copyFlat();
    const { exitCode, err } = await exec();
    expect(exitCode).toBe(2);
    expect(err).toContain("organ-volumes.json should hold volumes (volumes_ml), but a flat image has none");
    expect(existsSync(join(output, "organ-volumes.json"))).toBe(false);
  });

  test("reads a .tif and writes an .mha on its grid", async () => {
    const tiff = copyFlat();
    const { exitCode, err } = await exec([], { jsonOutputs: [target.jsonOutputs[1]!] });
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    const { geometry } = await readImage(segmentation("slide.mha"));
    expect(geometry).toEqual((await readImage(tiff)).geometry);
  });

  test("reads a DICOM series, whose files are in the socket's folder", async () => {
    cpSync(goldenPath("dicom", "read", "ct_signed16", "input"), join(input, "images", "ct-image"), {
      recursive: true,
    });
    writeInputsJson([
      {
        socket: { slug: "ct-image", relative_path: "images/ct-image", is_dicom_image_kind: true },
        image: { name: "CT" },
      },
    ]);
    const { exitCode, err } = await exec();
    expect(exitCode, err).toBe(0);
    const { geometry } = await readImage(join(output, "images", "organ-segmentation", "ct-image.mha"));
    expect(geometry.sizeZyx).toEqual([12, 28, 32]);
  });

  test("writes the legacy results.json when asked", async () => {
    await writeScan();
    expect((await exec(["--write-json"])).exitCode).toBe(0);
    expect(json("results.json")).toEqual([
      {
        entity: uuid,
        metrics: { segmentation: `filepath:images/organ-segmentation/${uuid}.mha` },
        error_messages: [],
      },
    ]);
  });

  test("uses the only image socket if config.json names none", async () => {
    await writeScan("any-name");
    const { exitCode } = await exec([], { inputSockets: null });
    expect(exitCode).toBe(0);
    await expectGolden(segmentation());
  });

  test("explains, for a plain folder of images, what a job's folder looks like and which command makes one", async () => {
    writeFileSync(join(input, "a_0000.nii.gz"), "");
    writeFileSync(join(input, "b_0000.nii.gz"), "");
    const { exitCode, err } = await exec();
    expect(exitCode).toBe(4);
    expect(lastLine(err)).toMatch(
      /^INPUT_NOT_FOUND: .* neither inputs\.json nor images\/<socket>\/<image>\.mha; it has 2 images, a_0000\.nii\.gz and others\. `build_processor simulate IMAGE -i FOLDER` lays them out as the platform does and runs the image\. Mount/,
    );
    expect(err).not.toContain("`-i` takes");
  });

  test.each([
    [
      "no socket of the name",
      { slug: "mr-image" },
      4,
      /^INPUT_NOT_FOUND: the channel CT comes from the socket ct-image; .*: mr-image\./,
    ],
    ["two images in one socket", { second: "b.mha" }, 4, /^INPUT_AMBIGUOUS: .* holds 2 images/],
    ["a file of a format that is not read", { name: "scan.raw" }, 4, /^IMAGE_UNSUPPORTED: .*scan\.raw/],
    ["inputs.json that is not a list", { inputs: "{}" }, 4, /^INPUTS_JSON_INVALID: /],
    ["inputs.json that is not JSON", { inputs: "[" }, 4, /^INPUTS_JSON_INVALID: /],
    [
      "inputs.json longer than 1 MiB",
      { inputs: `${" ".repeat(1 << 20)}[]` },
      4,
      /^INPUTS_JSON_INVALID: .*longer/,
    ],
    ["inputs.json without slugs", { inputs: "[{}]" }, 4, /^INPUTS_JSON_INVALID: .*item 0/],
    [
      "a socket outside the input folder",
      { inputs: '[{"socket": {"slug": "ct-image", "relative_path": "../x", "is_image_kind": true}}]' },
      4,
      /^INPUTS_JSON_INVALID: .*outside/,
    ],
    ["another image where the result goes", { there: "old.mha" }, 2, /^OUTPUT_EXISTS: .*old\.mha/],
  ] as const)("says in the last line: %s", async (_, fault, expected, line) => {
    const given: { slug?: string; second?: string; name?: string; inputs?: string; there?: string } = fault;
    await writeScan(given.slug);
    const sockets = join(input, "images", given.slug ?? "ct-image");
    if (given.second !== undefined) await writeScan("ct-image", given.second);
    if (given.name !== undefined) {
      rmSync(join(sockets, `${uuid}.mha`));
      writeFileSync(join(sockets, given.name), "DICM");
    }
    if (given.inputs !== undefined) writeFileSync(join(input, "inputs.json"), given.inputs);
    if (given.there !== undefined) {
      mkdirSync(join(output, "images", "organ-segmentation"), { recursive: true });
      writeFileSync(segmentation(given.there), "");
    }
    const { exitCode, err } = await exec();
    expect(lastLine(err)).toMatch(line);
    expect(exitCode).toBe(expected);
  });

  test("does not wait for an inputs.json that is a FIFO", async () => {
    await outputOf("mkfifo", join(input, "inputs.json"));
    const { exitCode, err } = await exec();
    expect(lastLine(err)).toMatch(/^INPUTS_JSON_INVALID: .*it is not a regular file/);
    expect(exitCode).toBe(4);
  });

  test.each([
    ["no target", { target: null }, /target should be an object/],
    ["no sockets", { inputSockets: undefined }, /target\.inputSockets is missing/],
    ["a socket that is not a text", { inputSockets: { CT: 1 } }, /inputSockets\.CT should be a text/],
    ["no output", { outputSocket: null }, /outputSocket should be a text/],
  ] as const)("refuses a target file with %s", async (_, changed, message) => {
    const file = join(folder, "other-target.json");
    const whole = {
      targetVersion: 1,
      target: { ...target, ...changed },
      ...("target" in changed ? changed : {}),
    };
    writeFileSync(file, JSON.stringify(whole));
    const { exitCode, err } = await exec(["--target-file", file]);
    expect(lastLine(err)).toMatch(/^MANIFEST_INVALID: /);
    expect(lastLine(err)).toMatch(message);
    expect(exitCode).toBe(3);
  });

  test("says how much memory there is when the image does not fit", async () => {
    // 144 million voxels need 576 MB twice as float32; as one repeated value they fit in a small file.
    const voxels = new Uint8Array(400 * 600 * 600).fill(1);
    await writeScan("ct-image", `${uuid}.mha`, testImage([400, 600, 600], { voxels }));
    const { exitCode, err } = await exec([], {}, { dataLimitKib: 1_100_000 });
    expect(exitCode).toBe(5);
    expect(lastLine(err)).toMatch(
      /^OUT_OF_MEMORY: more memory is needed than this machine's limit of 1\.0 GiB/,
    );
    expect(readdirSync(join(output, "images", "organ-segmentation"))).toEqual([]);
  });

  test("shortens a log line of any length to what platforms show", async () => {
    const many = Array.from({ length: 9000 }, (_, i) => ({
      socket: { slug: `socket-${i}-x`, is_image_kind: true },
    }));
    writeInputsJson(many);
    const { exitCode, err } = await exec();
    expect(exitCode).toBe(4);
    expect(Buffer.byteLength(lastLine(err))).toBeLessThan(64 * 1024);
    expect(err).toContain("bytes more)");
  });
});

describe("invoke", () => {
  const start = async (extra: readonly string[] = []): Promise<AlgorithmServer> => {
    server = await startAlgorithmServer([...args(), ...extra]);
    await server.said("ready");
    return server;
  };
  const invoke = async ({ address }: AlgorithmServer) => {
    const response = await fetch(`${address}/invoke`, { method: "POST" });
    return { status: response.status, text: await response.text() };
  };
  const emptyFolders = (): void => {
    rmSync(join(input, "images"), { recursive: true, force: true });
    for (const name of readdirSync(output)) rmSync(join(output, name), { recursive: true });
  };

  test("segments case after case in one process and loads the networks once", async () => {
    const running = await start();
    expect((await fetch(`${running.address}/health`)).status).toBe(200);
    const threads = () => readdirSync(`/proc/${running.workingProcessId()}/task`).length;
    await writeScan();
    expect(await invoke(running)).toMatchObject({ status: 201 });
    await expectGolden(segmentation());
    const threadsAfterFirst = threads();

    emptyFolders();
    const slices = testImage([3, 40, 50]);
    await writeScan("ct-image", "second.mha", slices);
    expect(await invoke(running)).toMatchObject({ status: 201 });
    expect(readdirSync(join(output, "images", "organ-segmentation"))).toEqual(["second.mha"]);
    expect((await readImage(segmentation("second.mha"))).geometry).toEqual(slices.geometry);
    expect(threads()).toBe(threadsAfterFirst);

    emptyFolders();
    await writeScan();
    expect(await invoke(running)).toMatchObject({ status: 201 });
    await expectGolden(segmentation());
    const { exitCode, err } = await running.stop("SIGTERM");
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
  });

  test("fails a bad case with its reason, and serves the next one", async () => {
    const running = await start();
    mkdirSync(join(input, "images", "ct-image"), { recursive: true });
    writeFileSync(join(input, "images", "ct-image", "bad.mha"), "not an image");
    const failed = await invoke(running);
    expect(failed.status).toBe(500);
    expect(failed.text).toMatch(/^IMAGE_/);
    expect(lastLine(running.texts.err)).toMatch(/^IMAGE_/);
    emptyFolders();
    await writeScan();
    expect(await invoke(running)).toMatchObject({ status: 201 });
    await expectGolden(segmentation());
  });

  test("answers health checks while a case runs, and refuses a second case", async () => {
    const running = await start(["--step-size", "0.1", "--use-tta"]);
    await writeScan("ct-image", `${uuid}.mha`, testImage([60, 300, 300]));
    const expectCut = expect(invoke(running)).resolves.toMatchObject({ status: 500 });
    await running.said("predicting");
    expect((await fetch(`${running.address}/health`)).status).toBe(200);
    expect(await invoke(running)).toMatchObject({ status: 409 });
    const { exitCode, err } = await stopTimed(running);
    expect(exitCode).toBe(130);
    expect(lastLine(err)).toMatch(/^INTERRUPTED: stopped by SIGTERM/);
    await expectCut;
    expect(readdirSync(output, { recursive: true }).sort()).toEqual(["images", "images/organ-segmentation"]);
  });

  test("stops a case if its client disconnects, and serves the next one", async () => {
    const running = await start(["--step-size", "0.1", "--use-tta"]);
    await writeScan("ct-image", `${uuid}.mha`, testImage([60, 300, 300]));
    const impatient = new AbortController();
    const cut = fetch(`${running.address}/invoke`, { method: "POST", signal: impatient.signal });
    const expectCut = expect(cut).rejects.toThrow();
    await running.said("predicting");
    impatient.abort();
    await expectCut;
    await running.complained("INTERRUPTED: the client that requested the case has disconnected");
    emptyFolders();
    await writeScan("ct-image", "small.mha", testImage([2, 40, 50]));
    expect(await invoke(running)).toMatchObject({ status: 201 });
    expect(readdirSync(join(output, "images", "organ-segmentation"))).toEqual(["small.mha"]);
  });

  test.each(["SIGKILL", "SIGABRT"] as const)(
    "says why if the system ends it with %s in the middle of a case",
    async (signal) => {
      const running = await start(["--step-size", "0.1", "--use-tta"]);
      await writeScan("ct-image", `${uuid}.mha`, testImage([60, 300, 300]));
      const expectCut = expect(invoke(running)).rejects.toThrow();
      await running.said("predicting");
      process.kill(running.workingProcessId(), signal);
      await expectCut;
      await running.complained(`memory is needed than this machine has (ended by ${signal})`);
      expect(lastLine(running.texts.err)).toMatch(/^OUT_OF_MEMORY: /);
      expect((await running.ended()).exitCode).toBe(5);
    },
  );

  test("does not report an uncaught exception in the middle of a case as a lack of memory", async () => {
    const withHook = join(folder, "model");
    cpSync(modelDir, withHook, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(withHook, "manifest.json"), "utf8")) as {
      settings: object;
    };
    manifest.settings = { ...manifest.settings, hookModule: "hooks.mjs" };
    writeFileSync(join(withHook, "manifest.json"), JSON.stringify(manifest));
    const lateError = "setTimeout(() => { throw new Error('too late to catch'); }, 1000)";
    writeFileSync(
      join(withHook, "hooks.mjs"),
      `export const preProcessImage = (image) => { ${lateError}; return image; };`,
    );
    server = await startAlgorithmServer([
      ...args(),
      ...["--model-dir", withHook, "--step-size", "0.1", "--use-tta"],
    ]);
    await server.said("ready");
    await writeScan("ct-image", `${uuid}.mha`, testImage([60, 300, 300]));
    await expect(invoke(server)).rejects.toThrow();
    const { exitCode, err } = await server.ended();
    expect(exitCode).toBe(1);
    expect(err).toContain("too late to catch");
    expect(lastLine(err)).toMatch(/^This is a bug of /);
  });

  test("ends the worker process together with its supervisor", async () => {
    const running = await start();
    const working = running.workingProcessId();
    await running.stop("SIGKILL");
    await expect.poll(() => existsSync(`/proc/${working}/exe`), { timeout: 60_000 }).toBe(false);
  });

  /** A platform kills after five seconds. */
  async function stopTimed(running: AlgorithmServer) {
    const start = performance.now();
    const run = await running.stop("SIGTERM");
    expect(performance.now() - start).toBeLessThan(5000);
    return run;
  }

  test.each([
    ["GET", "/invoke", 405],
    ["POST", "/health", 405],
    ["GET", "/", 404],
  ] as const)("answers %s %s with %i", async (method, path, status) => {
    const running = await start();
    expect((await fetch(`${running.address}${path}`, { method })).status).toBe(status);
  });

  test("ends with the reason when the model cannot be loaded", async () => {
    const broken = join(folder, "model");
    cpSync(modelDir, broken, { recursive: true });
    writeFileSync(join(broken, "fold_0.onnx"), "no network");
    const { exitCode, err } = await runProcessor(["invoke", "--port", "0", ...args(), "--model-dir", broken]);
    expect(lastLine(err)).toMatch(/^INFERENCE_FAILED: /);
    expect(exitCode).toBe(5);
  });

  test("ends with the reason when the port is taken", async () => {
    const running = await start();
    const port = new URL(running.address).port;
    const { exitCode, err } = await runProcessor(["invoke", ...args(), "--port", port]);
    expect(lastLine(err)).toMatch(/^PORT_TAKEN: /);
    expect(exitCode).toBe(5);
  });
});
