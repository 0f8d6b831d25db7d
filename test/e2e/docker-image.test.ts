import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BuildReport } from "../../src/build/build-report.js";
import { describeWithEngine, removeImage, runContained, testEngine } from "../support/docker/docker.js";
import { buildWithDocker, testBuildRequest } from "../support/docker/processor-build.js";
import { goldenPath } from "../support/golden.js";
import { compareSegmentations } from "../support/images/compare-segmentations.js";

const megabyte = 1_000_000;

// The first build downloads and unpacks the packages of the base image.
const timeout = 600_000;

describeWithEngine("an image of a model with two folds", () => {
  const imageName = "registry.example.org/nnunet-processor-test/blobs:1";
  let scratch: string;
  let report: BuildReport;

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "e2e-image-"));
    const outputs = { exportFolder: scratch };
    report = await buildWithDocker(
      await testBuildRequest({ golden: "blobs_3d_fullres", imageName, scratch, outputs }),
    );
  }, timeout);

  afterAll(async () => {
    await removeImage(imageName);
    rmSync(scratch, { recursive: true, force: true });
  });

  test(
    "segments as nnU-Net does, without network, root or a writable root file system",
    async () => {
      await expectGoldenAnswer("before-export");
    },
    timeout,
  );

  test(
    "is exported with the name that docker load gives back, and gives the same answer there",
    async () => {
      expect(report.archive?.path).toBe(join(scratch, "nnunet-processor-test-blobs-1.tar.gz"));
      await removeImage(imageName);
      const { docker } = testEngine();
      const answer = await docker.loadImage(createReadStream(report.archive!.path));
      await new Promise((resolve) => docker.modem.followProgress(answer, resolve));
      expect((await docker.getImage(imageName).inspect()).Id).toBe(report.imageId);
      await expectGoldenAnswer("after-load");
    },
    timeout,
  );

  // These are the project's goals; the sizes here include the model's weights (1 MB).
  test("takes at most 100 MB as exported and 300 MB unpacked", () => {
    expect(report.archive!.bytes).toBeLessThanOrEqual(100 * megabyte);
    expect(statSync(report.archive!.path).size).toBe(report.archive!.bytes);
    expect(report.sizeBytes!).toBeLessThanOrEqual(300 * megabyte);
  });

  test("describes itself and its model in OCI annotations", async () => {
    const { Config } = await testEngine().docker.getImage(imageName).inspect();
    expect(Config.Labels).toMatchObject({
      "org.opencontainers.image.title": "blobs_3d_fullres",
      "org.opencontainers.image.description": 'an nnU-Net of the tests, with "quotes", a $HOME and a \\',
      "org.opencontainers.image.version": "1",
      "org.opencontainers.image.created": "2026-01-02T03:04:05.000Z",
      "org.opencontainers.image.source": "https://example.org/source",
      "org.opencontainers.image.licenses": "Apache-2.0",
      "org.opencontainers.image.base.name": report.baseImage,
      "org.nnunet-processor.task.name": "Blobs",
      "org.nnunet-processor.configuration": "3d_fullres",
      "org.nnunet-processor.folds": "0 1",
      "org.nnunet-processor.channels": '["CT"]',
      "org.nnunet-processor.labels": '{"background":0,"organ":1,"lesion":2}',
    });
    expect(Config.User).toBe("1000:1000");
    expect(Config.Healthcheck).toEqual({ Test: ["NONE"] });
  });

  test("has neither npm nor Python nor a compiler nor a package manager", async () => {
    const { docker } = testEngine();
    const container = await docker.createContainer({ Image: imageName });
    try {
      const missing = ["npm", "npx", "python3", "gcc", "cc", "apt", "dpkg", "perl"].map((name) =>
        container.infoArchive({ path: `/usr/bin/${name}` }).then(
          () => name,
          () => null,
        ),
      );
      expect((await Promise.all(missing)).filter((name) => name !== null)).toEqual([]);
    } finally {
      await container.remove();
    }
  });

  test("leaves no build folder behind", () => {
    expect(readdirSync(scratch).filter((name) => name.startsWith("build"))).toEqual([]);
  });

  async function expectGoldenAnswer(run: string): Promise<void> {
    const output = join(scratch, run);
    mkdirSync(output);
    chmodSync(output, 0o777);
    const { exitCode, output: log } = await runContained(imageName, {
      input: goldenPath("v2", "blobs_3d_fullres", "input"),
      output,
    });
    expect(exitCode, log).toBe(0);
    await expectNnunetsAnswer(
      join(output, "images", "blob_010_0000.nii.gz"),
      goldenPath("v2", "blobs_3d_fullres", "expected", "blob_010", "seg_tta.nii.gz"),
    );
  }
});

describeWithEngine("an image of a model with two channels", () => {
  const imageName = "nnunet-processor-test/regions:1";
  const scratch = mkdtempSync(join(tmpdir(), "e2e-regions-"));

  afterAll(async () => {
    await removeImage(imageName);
    rmSync(scratch, { recursive: true, force: true });
  });

  test(
    "finds a case's files in /input and keeps the build context when asked",
    async () => {
      const request = await testBuildRequest({
        golden: "mr_regions_resenc_3d",
        imageName,
        scratch,
        settings: { allowedExtensions: ["mha"], outputExtension: "mha", writeJson: true },
        outputs: { keepsBuildFiles: true },
      });
      const { buildFolder } = await buildWithDocker(request);
      expect(existsSync(join(buildFolder!, "Dockerfile"))).toBe(true);
      const output = join(scratch, "output");
      mkdirSync(output);
      chmodSync(output, 0o777);
      const input = goldenPath("v2", "mr_regions_resenc_3d", "input");
      const { exitCode, output: log } = await runContained(imageName, { input, output });
      expect(exitCode, log).toBe(0);
      expect(existsSync(join(output, "results.json"))).toBe(true);
      await expectNnunetsAnswer(
        join(output, "images", "mr_008.mha"),
        goldenPath("v2", "mr_regions_resenc_3d", "expected", "mr_008", "seg_tta.mha"),
      );
    },
    timeout,
  );
});

/** nnU-Net adds up windows in float16, so that a voxel on the edge between two labels may get the other one. */
async function expectNnunetsAnswer(path: string, expectedPath: string): Promise<void> {
  const compared = await compareSegmentations(path, expectedPath);
  expect(compared.differing).toBeLessThanOrEqual(compared.voxels / 10_000);
  for (const [label, dice] of Object.entries(compared.dice))
    expect(dice, label).toBeGreaterThanOrEqual(0.999);
  expect(compared.geometry).toEqual(compared.expectedGeometry);
}
