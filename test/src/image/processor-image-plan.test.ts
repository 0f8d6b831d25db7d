import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { listCodecFiles } from "../../../src/image/codec-files.js";
import { overlaidFileTime } from "../../../src/image/image-plan.js";
import { listProcessorFiles } from "../../../src/image/processor-files.js";
import { type ProcessorImageParts, planProcessorImage } from "../../../src/image/processor-image-plan.js";
import { imageForTarget } from "../../../src/image/target-image.js";
import { goldenPath } from "../../support/golden.js";
import { testSettings, withConvertedModel } from "../../support/model/convert.js";

describe("planProcessorImage", () => {
  const partsOf = (converted: ProcessorImageParts["converted"]): ProcessorImageParts => ({
    converted,
    description: {
      imageName: "registry.example.org:5000/team/blobs:7",
      title: "Blobs",
      description: "",
      processorVersion: "1.2.3",
      created: new Date(0),
      source: null,
      licenses: "Apache-2.0",
    },
    base: { imageName: "base:1", imageId: "sha256:0" },
    processorFiles: [],
    codecFiles: [],
    serviceFiles: [],
    pageFiles: [],
    hookFile: null,
    targetImage: { ...imageForTarget({ kind: "plain" }), lastLayers: [] },
    platform: "linux/amd64",
    carriesModel: true,
  });
  const withBlobs = <T>(use: (converted: ProcessorImageParts["converted"]) => Promise<T>) =>
    withConvertedModel(goldenPath("v2", "blobs_3d_fullres", "model"), use);

  test("puts what changes least often first: each fold, the code, the manifest", async () => {
    await withBlobs(async (converted) => {
      const { layers, fileTime } = planProcessorImage(partsOf(converted));
      expect(fileTime).toEqual(overlaidFileTime);
      expect(layers.map(({ name }) => name)).toEqual(["fold_0", "fold_1", "processor", "manifest"]);
      expect(layers[0]!.entries.map(({ path }) => path)).toEqual([
        "opt/nnunet-processor/model/fold_0.onnx",
        "opt/nnunet-processor/model/fold_0.weights",
      ]);
      expect(layers[3]!.entries.map(({ path }) => path)).toEqual([
        "opt/nnunet-processor/model/dataset.json",
        "opt/nnunet-processor/model/fold_0.plain.onnx",
        "opt/nnunet-processor/model/fold_1.plain.onnx",
        "opt/nnunet-processor/model/manifest.json",
        "opt/nnunet-processor/model/network.gpu.onnx",
        "opt/nnunet-processor/model/plans.json",
      ]);
    });
  });

  test("puts the decoders of DICOM images into a layer of their own, before the code", async () => {
    await withBlobs(async (converted) => {
      const codecFiles = listCodecFiles();
      const { layers } = planProcessorImage({ ...partsOf(converted), codecFiles, carriesModel: false });
      expect(layers).toEqual([
        { name: "dicom", entries: codecFiles },
        { name: "processor", entries: [] },
      ]);
    });
  });

  test("puts a user's hooks between code and manifest, under the name that the manifest says", async () => {
    await withBlobs(async (converted) => {
      const settings = { ...testSettings, hookModule: "process-img.mjs" };
      const parts = partsOf({ ...converted, manifest: { ...converted.manifest, settings } });
      const { layers } = planProcessorImage({ ...parts, hookFile: "/somewhere/bundle.mjs" });
      expect(layers.map(({ name }) => name).slice(-3)).toEqual(["processor", "hooks", "manifest"]);
      expect(layers.at(-2)!.entries).toMatchObject([
        { path: "opt/nnunet-processor/model/process-img.mjs", source: { file: "/somewhere/bundle.mjs" } },
      ]);
    });
  });

  test("leaves a model for model.tar.gz out of the image, with its hooks", async () => {
    await withBlobs(async (converted) => {
      const { layers } = planProcessorImage({ ...partsOf(converted), carriesModel: false });
      expect(layers.map(({ name }) => name)).toEqual(["processor"]);
    });
  });

  test("uses the tag as the version, and this program as the source if no other is named", async () => {
    await withBlobs(async (converted) => {
      const { labels } = planProcessorImage(partsOf(converted));
      expect(labels["org.opencontainers.image.version"]).toBe("7");
      expect(labels["org.opencontainers.image.source"]).toBe("pkg:generic/nnunet-processor@1.2.3");
      expect(labels["org.nnunet-processor.task.id"]).toBe("501");
    });
  });

  test("runs as a user without rights and never lets ONNX Runtime report its use", async () => {
    await withBlobs(async (converted) => {
      const { user, env } = planProcessorImage(partsOf(converted));
      expect(user).toBe("1000:1000");
      expect(env["ORT_DISABLE_TELEMETRY"]).toBe("1");
    });
  });
});

describe("listCodecFiles", () => {
  const files = listCodecFiles();

  test("has the decoders where the processor finds them, and nothing else of their packages", () => {
    const packages = "opt/nnunet-processor/node_modules/@cornerstonejs";
    expect(files.map(({ path }) => path)).toEqual([
      `${packages}/LICENCES.txt`,
      ...[
        ["charls", "charlswasm_decode"],
        ["openjpeg", "openjpegwasm_decode"],
        ["openjph", "openjphjs"],
      ].flatMap(([name, decoder]) =>
        [`dist/${decoder}.js`, `dist/${decoder}.wasm`, "package.json"].map(
          (file) => `${packages}/codec-${name}/${file}`,
        ),
      ),
    ]);
  });

  test("takes less than half a megabyte of a compressed image", () => {
    const bytes = files.flatMap(({ source }) =>
      "file" in source ? [gzipSync(readFileSync(source.file)).length] : [],
    );
    expect(bytes.reduce((sum, count) => sum + count)).toBeLessThan(500_000);
  });
});

describe("listProcessorFiles", () => {
  test("has the program and its version, and neither source maps nor declarations", async () => {
    const paths = (await listProcessorFiles()).map(({ path }) => path);
    expect(paths).toContain("opt/nnunet-processor/processor/runtime/main.js");
    expect(paths).toContain("opt/nnunet-processor/package.json");
    expect(paths.filter((path) => /\.(map|d\.ts|ts|tsbuildinfo)$/.test(path))).toEqual([]);
  });
});
