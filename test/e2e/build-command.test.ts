import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { describeWithEngine, removeImage, runContained, testEngine } from "../support/docker/docker.js";
import { goldenPath } from "../support/golden.js";
import { compareSegmentations } from "../support/images/compare-segmentations.js";
import { runProgram } from "../support/programs/run-program.js";

const timeout = 600_000;
const modelDir = goldenPath("v2", "sagittal_transposed", "model");

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "build-command-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describeWithEngine("build_processor", () => {
  const imageName = "nnunet-processor-test/command:1";
  const arguments_ = ["--model-dir", modelDir, "--tag", imageName];

  test(
    "makes an image and an archive from a config and a model folder, and nothing else stays",
    async () => {
      onTestFinished(() => removeImage(imageName));
      const config = {
        use_test_time_augmentations: true,
        allowed_extensions: ["nrrd"],
        output_extension: "nrrd",
      };
      writeFileSync(join(folder, "config.json"), JSON.stringify(config));
      writeFileSync(join(folder, "nnunet-processor-test-command-1.tar.gz"), "of an earlier build");
      const run = await runProgram(["--config-file", "config.json", ...arguments_, "--export"], {
        cwd: folder,
      });
      expect(run.exitCode, run.err).toBe(0);
      expect(run.out).toContain(imageName);
      const archive = "nnunet-processor-test-command-1";
      expect(statSync(join(folder, `${archive}.tar.gz`)).size).toBeGreaterThan(10_000_000);
      expect(readdirSync(folder).sort()).toEqual([
        ...["config.json", `${archive}.provenance.json`, `${archive}.spdx.json`, `${archive}.tar.gz`],
      ]);

      const output = join(folder, "output");
      mkdirSync(output);
      chmodSync(output, 0o777);
      const input = goldenPath("v2", "sagittal_transposed", "input");
      const container = await runContained(imageName, { input, output });
      expect(container.exitCode, container.output).toBe(0);
      const compared = await compareSegmentations(
        join(output, "images", "sag_008_0000.nrrd"),
        goldenPath("v2", "sagittal_transposed", "expected", "sag_008", "seg_tta.nrrd"),
      );
      // nnU-Net adds up windows in float16, so that a voxel between two labels may get the other one.
      expect(compared.differing).toBeLessThanOrEqual(compared.voxels / 10_000);
      expect(compared.geometry).toEqual((await readImage(join(input, "sag_008_0000.nrrd"))).geometry);
    },
    timeout,
  );

  test(
    "puts a user's hooks into the image, where they change the result",
    async () => {
      onTestFinished(() => removeImage(imageName));
      writeFileSync(
        join(folder, "hooks.ts"),
        `import type { LabelMap } from "nnunet-processor";
       const seven = (label: number): number => (label === 0 ? 0 : 7);
       export const postProcessImage = ({ labelMap }: { labelMap: LabelMap }) =>
         ({ ...labelMap, voxels: labelMap.voxels.map(seven) });`,
      );
      const regions = goldenPath("v2", "mr_regions_resenc_3d", "model");
      writeFileSync(join(folder, "config.json"), JSON.stringify({ allowed_extensions: ["mha"] }));
      const run = await runProgram(
        ["--model-dir", regions, "--tag", imageName, "--process-img-file", "hooks.ts"],
        { cwd: folder },
      );
      expect(run.exitCode, run.err).toBe(0);
      const output = join(folder, "output");
      mkdirSync(output);
      chmodSync(output, 0o777);
      const input = goldenPath("v2", "mr_regions_resenc_3d", "input");
      const container = await runContained(imageName, { input, output });
      expect(container.exitCode, container.output).toBe(0);
      const written = readdirSync(join(output, "images"));
      expect(written).toHaveLength(1);
      const { voxels } = await readImage(join(output, "images", written[0]!));
      expect([...new Set(Array.from(voxels, Number))].sort()).toEqual([0, 7]);
    },
    timeout,
  );

  test("exits with 130 after Ctrl-C and leaves neither folder nor image", async () => {
    const run = await runProgram(arguments_, { cwd: folder, interruptAfter: buildFolderOf(folder) });
    expect(run.exitCode, run.err).toBe(130);
    expect(readdirSync(folder)).toEqual([]);
    await expect(testEngine().docker.getImage(imageName).inspect()).rejects.toMatchObject({
      statusCode: 404,
    });
  });

  test("says that the base image is missing, with the reason and the remedy", async () => {
    const base = "127.0.0.1:1/no/such-base:1";
    const run = await runProgram([...arguments_, "--base-image", base], { cwd: folder });
    expect(run.exitCode).toBe(5);
    expect(run.err).toContain("BASE_IMAGE_MISSING");
    expect(run.err).toContain(base);
    expect(run.err).toContain("base-image");
    expect(readdirSync(folder)).toEqual([]);
  });

  test("refuses to replace an archive with --no-overwrite before it starts", async () => {
    const archive = join(folder, "nnunet-processor-test-command-1.tar.gz");
    writeFileSync(archive, "earlier");
    const run = await runProgram([...arguments_, "--export", "--no-overwrite"], { cwd: folder });
    expect(run.exitCode).toBe(2);
    expect(run.err).toContain("OUTPUT_EXISTS");
    expect(run.err).toContain(archive);
    await expect(testEngine().docker.getImage(imageName).inspect()).rejects.toMatchObject({
      statusCode: 404,
    });
  });
});

describeWithEngine("build_processor base-image", () => {
  const imageName = "nnunet-processor-test/base:1";

  test(
    "builds Debian with an LTS of Node and ONNX Runtime from packages alone",
    async () => {
      onTestFinished(() => removeImage(imageName));
      const run = await runProgram(
        ["base-image", "--debian-root", "packages", "--tag", imageName, "--json"],
        {
          cwd: folder,
        },
      );
      expect(run.exitCode, run.err).toBe(0);
      const report = JSON.parse(run.out) as { readonly imageName: string; readonly sizeBytes: number };
      expect(report.imageName).toBe(imageName);
      expect(report.sizeBytes).toBeLessThan(300_000_000);
      const script = `
      const ort = require("/opt/nnunet-processor/node_modules/onnxruntime-node");
      const { arch, release, getuid } = process;
      console.log(JSON.stringify({
        lts: release.lts, arch, uid: getuid(), cpu: ort.listSupportedBackends().some(({ name }) => name === "cpu"),
      }));`;
      const container = await runContained(imageName, {
        ...{ input: folder, output: folder },
        command: ["/usr/local/bin/node", "-e", script],
      });
      expect(container.exitCode, container.output).toBe(0);
      expect(JSON.parse(container.output)).toEqual({
        lts: expect.any(String),
        arch: "x64",
        uid: 1000,
        cpu: true,
      });
    },
    timeout,
  );
});

describe("without an engine", () => {
  const environment = { DOCKER_HOST: "tcp://127.0.0.1:9" };

  test("build_processor says so before it starts, with the remedy", async () => {
    const run = await runProgram(["--model-dir", modelDir], { cwd: folder, environment });
    expect(run.exitCode).toBe(5);
    expect(run.err).toContain("ENGINE_MISSING");
    expect(run.err).toContain(environment.DOCKER_HOST);
    expect(run.err).toContain("--context-only");
    expect(readdirSync(folder)).toEqual([]);
  });

  test("--context-only writes a folder that `docker build` accepts", async () => {
    const run = await runProgram(["--model-dir", modelDir, "--context-only"], {
      cwd: folder,
      environment,
    });
    expect(run.exitCode, run.err).toBe(0);
    expect(readdirSync(join(folder, "build")).sort()).toEqual(
      [
        ".build_processor",
        ".dockerignore",
        "Dockerfile",
        "dicom",
        "fold_0",
        "manifest",
        "page",
        "processor",
        "service",
      ].sort(),
    );
    const model = join(folder, "build", "fold_0", "opt", "nnunet-processor", "model");
    expect(readdirSync(model)).toEqual(["fold_0.onnx", "fold_0.weights"]);
  });
});

/** Resolves when the build has started to write. */
async function buildFolderOf(parent: string): Promise<void> {
  const seen = watch(parent);
  try {
    while (!existsSync(join(parent, "build"))) await new Promise((resolve) => seen.once("change", resolve));
  } finally {
    seen.close();
  }
}
