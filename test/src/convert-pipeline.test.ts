import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { checkedOrNull } from "../../processor/contract/parse-checked.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import type { ConversionMemo } from "../../src/convert/conversion-memo.js";
import { type ConvertOptions, convertModel } from "../../src/convert/convert-model.js";
import { repositoryRoot } from "../support/golden.js";
import { testSettings } from "../support/model/convert.js";
import { type ModelEdit, withEditedModel } from "../support/model/edited-model.js";
import { modelIn } from "../support/model/model-in.js";
import { singleModel } from "../support/model/single-model.js";
import { needs, testWith } from "../support/needs.js";
import { neverStopped } from "../support/never-stopped.js";

const modelDir = join(repositoryRoot, "test", "fixtures", "networks", "residual_2d_capped");

let parent: string;
let outputDir: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "convert-"));
  outputDir = join(parent, "out");
});
afterEach(() => rmSync(parent, { recursive: true }));

const convert = async (options: Partial<ConvertOptions> = {}) =>
  convertModel({
    models: singleModel(await modelIn(modelDir)),
    settings: testSettings,
    outputDir,
    signal: neverStopped(),
    progress: silentProgress,
    ...options,
  });

const digests = (folder: string) =>
  readdirSync(folder)
    .sort()
    .map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    ]);

const files = [
  "dataset.json",
  "fold_0.onnx",
  "fold_0.weights",
  "manifest.json",
  "network.gpu.onnx",
  "plans.json",
];

describe("with a memo", () => {
  const records = new Map<string, unknown>();
  const memo: ConversionMemo = {
    recall: async (key, check) => checkedOrNull(records.get(key), check),
    remember: async (key, record) => void records.set(key, record),
  };
  beforeEach(() => records.clear());

  test("an unchanged checkpoint is written only if its bytes are needed, and the bytes are the same", async () => {
    const first = await convert({ memo });
    const plain = digests(first.folder);
    const known = (converted: typeof first) =>
      [...converted.known].map(([name, { sha256 }]) => [name, sha256]).sort();
    expect(known(first)).toEqual(plain.filter(([name]) => name!.startsWith("fold_0.")));

    const second = await convert({ memo, outputDir: join(parent, "second") });
    expect(known(second)).toEqual(known(first));
    expect(readdirSync(second.folder).sort()).toEqual(files.filter((name) => !name.startsWith("fold_0.")));
    await Promise.all([...second.known.values()].map(({ write }) => write()));
    expect(digests(second.folder)).toEqual(plain);
  });

  test("another checkpoint of the same name is converted", async () => {
    const edited = join(parent, "model");
    cpSync(modelDir, edited, { recursive: true });
    onTestFinished(() => void vi.useRealTimers());
    vi.useFakeTimers({ now: Date.now(), toFake: ["Date"] }); // independent of this machine's speed
    const model = { models: singleModel(await modelIn(edited)) };
    await convert({ memo, ...model });
    expect(records.size).toBe(0); // it was just written, and may change unnoticed
    await convert({ memo, ...model, outputDir: join(parent, "again") });
    expect(readdirSync(join(parent, "again"))).toContain("fold_0.weights");
  });
});

describe("a converted folder", () => {
  test("has the network, its weights, the manifest and nnU-Net's own files, and nothing else", async () => {
    const { folder, files: named, manifest } = await convert();
    expect(folder).toBe(outputDir);
    expect(readdirSync(outputDir).sort()).toEqual(files);
    expect([...named].sort()).toEqual(files);
    expect(readdirSync(parent)).toEqual(["out"]);
    expect(JSON.parse(readFileSync(join(outputDir, "manifest.json"), "utf8"))).toEqual(manifest);
    expect(readFileSync(join(outputDir, "plans.json"))).toEqual(readFileSync(join(modelDir, "plans.json")));
    expect(manifest).toMatchObject({
      manifestVersion: 1,
      task: { id: 900, name: "Odd" },
      settings: testSettings,
      models: [
        {
          configuration: "odd",
          nnunetVersion: 2,
          trainer: "nnUNetTrainer",
          plansName: "nnUNetPlans",
          datasetName: "Dataset900_Odd",
          checkpointName: "checkpoint_final.pth",
          network: { architecture: "ResidualEncoderUNet", inputChannels: 2, outputChannels: 3 },
          folds: [
            {
              fold: "0",
              onnxFile: "fold_0.onnx",
              weightsFile: "fold_0.weights",
              plainOnnxFile: "fold_0.onnx",
            },
          ],
          gpuOnnxFile: "network.gpu.onnx",
          previousStage: null,
        },
      ],
    });
  });

  test("is identical if the same model is converted again", async () => {
    await convert();
    await convert({ outputDir: join(parent, "again") });
    expect(digests(join(parent, "again"))).toEqual(digests(outputDir));
  });

  test("has no float16 graph if float16 cannot represent a weight, and the manifest records that", async () => {
    await convert();
    const large = join(parent, "large");
    cpSync(modelDir, large, { recursive: true });
    replaceWeight(join(large, "fold_0", "checkpoint_final.pth"), join(outputDir, "fold_0.weights"));
    const models = singleModel(await modelIn(large));
    const { folder, files: named, manifest } = await convert({ models, outputDir: join(parent, "again") });
    const withoutGpu = files.filter((name) => name !== "network.gpu.onnx");
    expect(readdirSync(folder).sort()).toEqual(withoutGpu);
    expect([...named].sort()).toEqual(withoutGpu);
    expect(manifest.models[0]!.gpuOnnxFile).toBeNull();
    expect(JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"))).toEqual(manifest);
  });

  test("contains every weight once: no duplicate names, no heads of deep supervision", async () => {
    const { manifest } = await convert();
    const { parameters } = manifest.models[0]!.network;
    const { length } = readFileSync(join(outputDir, "fold_0.weights"));
    // Each tensor starts on a 64-byte line, so there are gaps.
    expect(length).toBeGreaterThanOrEqual(4 * parameters);
    expect(length).toBeLessThan(4 * parameters + 64 * 200);
  });

  test("reports its progress in bytes, up to the total", async () => {
    const seen: { total: number; advanced: number; done: number } = { total: 0, advanced: 0, done: 0 };
    const progress: Progress = {
      start: ({ total = 0, unit }) => {
        expect(unit).toBe("bytes");
        seen.total = total;
        return { advance: (units) => (seen.advanced += units), done: () => seen.done++ };
      },
      note: () => {},
    };
    await convert({ progress });
    expect(seen.total).toBeGreaterThan(1000);
    expect(seen).toEqual({ total: seen.total, advanced: seen.total, done: 1 });
  });
});

describe("an existing folder", () => {
  test("is not replaced without overwrite", async () => {
    await convert();
    const before = digests(outputDir);
    await expect(convert()).rejects.toMatchObject({ code: "OUTPUT_EXISTS" });
    expect(digests(outputDir)).toEqual(before);
  });

  test("is replaced as a whole with overwrite", async () => {
    await convert();
    writeFileSync(join(outputDir, "manifest.json"), "old");
    writeFileSync(join(outputDir, "fold_4.onnx"), "old");
    await convert({ overwrite: true });
    expect(readdirSync(outputDir).sort()).toEqual(files);
    expect(readdirSync(parent)).toEqual(["out"]);
  });

  test("stays if it is not a conversion, even with overwrite", async () => {
    mkdirSync(outputDir);
    writeFileSync(join(outputDir, "thesis.docx"), "years");
    const attempt = convert({ overwrite: true });
    await expect(attempt).rejects.toMatchObject({ code: "OUTPUT_EXISTS" });
    await expect(attempt).rejects.toThrow("thesis.docx");
    expect(readdirSync(outputDir)).toEqual(["thesis.docx"]);
  });

  test("may be empty", async () => {
    mkdirSync(outputDir);
    await convert();
    expect(readdirSync(outputDir).sort()).toEqual(files);
  });

  test("is unchanged if the new conversion fails", async () => {
    await convert();
    const before = digests(outputDir);
    const stop = new AbortController();
    stop.abort();
    await expect(convert({ overwrite: true, signal: stop.signal })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    expect(digests(outputDir)).toEqual(before);
    expect(readdirSync(parent)).toEqual(["out"]);
  });
});

describe("no partial output remains", () => {
  test("if the conversion is stopped in the middle", async () => {
    const stop = new AbortController();
    let chunks = 0;
    const progress: Progress = {
      start: () => ({
        advance: () => {
          if (++chunks === 5) stop.abort();
        },
        done: () => {},
      }),
      note: () => {},
    };
    await expect(convert({ progress, signal: stop.signal })).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(chunks).toBe(5);
    expect(readdirSync(parent)).toEqual([]);
  });

  test("if a file has the name of the folder", async () => {
    writeFileSync(outputDir, "a file");
    await expect(convert()).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
    await expect(convert({ outputDir: join(outputDir, "below") })).rejects.toMatchObject({
      code: "OUTPUT_UNWRITABLE",
    });
    expect(readdirSync(parent)).toEqual(["out"]);
  });

  // Root may write everywhere.
  testWith([needs.notRoot], "if the folder is not writable", async () => {
    chmodSync(parent, 0o555);
    await expect(convert()).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
    chmodSync(parent, 0o755);
    expect(readdirSync(parent)).toEqual([]);
  });

  testWith([needs.mount], "if the disk is full", async () => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=24k", "tmpfs", parent]);
    try {
      await expect(convert()).rejects.toMatchObject({ code: "DISK_FULL" });
      expect(readdirSync(parent)).toEqual([]);
    } finally {
      execFileSync("umount", [parent]);
    }
  });
});

describe("plans and checkpoint of different trainings are TENSOR_MISMATCH with the tensors' names and shapes:", () => {
  const kwargs = "plans.configurations.odd.architecture.arch_kwargs";
  const convertEdited = (fixture: string, edit: ModelEdit) =>
    withEditedModel(fixture, edit, async (dir) => convert({ models: singleModel(await modelIn(dir)) }));

  test.each<[name: string, fixture: string, json: Record<string, unknown>, message: string]>([
    [
      "other features",
      "networks/plain_3d_thirds",
      { [`${kwargs}.features_per_stage`]: [2, 3, 5] },
      "encoder.stages.2.0.convs.0.conv.weight is 4×3×3×5×1 in the checkpoint, 5×3×3×5×1 by the plans",
    ],
    [
      "more convolutions",
      "networks/plain_3d_thirds",
      { [`${kwargs}.n_conv_per_stage`]: [2, 2, 2] },
      "encoder.stages.2.0.convs.1.conv.weight (4×4×3×5×1) is missing",
    ],
    [
      "fewer convolutions",
      "networks/plain_3d_thirds",
      { [`${kwargs}.n_conv_per_stage`]: [2, 1, 1] },
      "encoder.stages.1.0.convs.1.conv.weight (3×3×3×3×3) has no place in the network",
    ],
    [
      "another label",
      "networks/plain_3d_thirds",
      { "dataset.labels.c": 3 },
      "decoder.seg_layers.1.weight is 3×2×1×1×1 in the checkpoint, 4×2×1×1×1 by the plans",
    ],
    [
      "another network",
      "networks/plain_3d_thirds",
      { [`${kwargs}.conv_bias`]: false },
      "encoder.stages.0.0.convs.0.conv.bias (2) has no place in the network",
    ],
  ])("%s", async (_, fixture, json, message) => {
    const attempt = convertEdited(fixture, { json });
    await expect(attempt).rejects.toMatchObject({ code: "TENSOR_MISMATCH" });
    await expect(attempt).rejects.toThrow(message);
    expect(readdirSync(parent)).toEqual([]);
  });

  test("many of them are counted, not listed", async () => {
    const json = { [`${kwargs}.features_per_stage`]: [7, 8, 9] };
    await expect(convertEdited("networks/plain_3d_thirds", { json })).rejects.toThrow(/\n {2}and \d\d more$/);
  });

  test("one fold of several is named", async () => {
    const folder = (dir: string) => {
      const other = join(repositoryRoot, "test/fixtures/networks/plain_scalars/fold_0");
      cpSync(other, join(dir, "fold_1"), { recursive: true });
    };
    await expect(convertEdited("networks/plain_3d_thirds", { folder })).rejects.toThrow(
      "fold_1/checkpoint_final.pth",
    );
  });
});

/** Sets the first weight to 1e6. The bytes in an uncompressed checkpoint are those of the converted file. */
function replaceWeight(checkpointFile: string, weightsFile: string): void {
  const checkpoint = readFileSync(checkpointFile);
  const at = checkpoint.indexOf(readFileSync(weightsFile).subarray(0, 64));
  expect(at).toBeGreaterThan(0);
  checkpoint.writeFloatLE(1e6, at);
  writeFileSync(checkpointFile, checkpoint);
}
