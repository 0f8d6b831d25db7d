import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ignoreEvents } from "../../../../processor/contract/progress/run-event.js";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { writeImage, writeLabelMap } from "../../../../processor/imaging/formats/write-image.js";
import { imageFile } from "../../../../processor/runtime/cases/case.js";
import { noHooks } from "../../../../processor/runtime/hooks/hooks.js";
import { openNetworkSet } from "../../../../processor/runtime/inference/network-set.js";
import { loadModel } from "../../../../processor/runtime/model/load-model.js";
import { segmentCase } from "../../../../processor/runtime/segment/segment-case.js";
import type { SegmentContext } from "../../../../processor/runtime/segment/segment-context.js";
import { openPool } from "../../../../processor/runtime/threads/open-pool.js";
import { goldenPath } from "../../../support/golden.js";
import { testImage } from "../../../support/images/test-image.js";
import { convertGolden, testSettings } from "../../../support/model/convert.js";
import { readNpz } from "../../../support/model/read-npz.js";

const scratch = mkdtempSync(join(tmpdir(), "segment-case-"));
const modelDir = join(scratch, "model");

beforeAll(async () => {
  await convertGolden({ name: "blobs_2d", outputDir: modelDir });
});

afterAll(() => rmSync(scratch, { recursive: true }));

test("one case is read, segmented and written to each of its outputs", async () => {
  const output = mkdtempSync(join(scratch, "output-"));
  const input = join(scratch, "scan.nii.gz");
  await writeImage(testImage([4, 60, 60]), input);
  const { labelMap, removed } = await withContext((context) =>
    segmentCase(
      {
        name: "scan",
        inputs: [imageFile(input)],
        previousStage: null,
        refinement: null,
        outputs: [
          { kind: "label-map", path: join(output, "scan.nii.gz") },
          { kind: "label-map", path: join(output, "scan.mha") },
          { kind: "probabilities", path: join(output, "scan.npz") },
        ],
      },
      context,
    ),
  );
  expect(readdirSync(output).sort()).toEqual(["scan.mha", "scan.nii.gz", "scan.npz", "scan.pkl"]);
  expect(removed).toEqual([]);
  for (const name of ["scan.nii.gz", "scan.mha"]) {
    const written = await readImage(join(output, name));
    expect(written.geometry.sizeZyx).toEqual([4, 60, 60]);
    expect(written.voxels).toEqual(labelMap.voxels);
  }
  expect(readNpz(join(output, "scan.npz"), "probabilities").shape.slice(1)).toEqual([4, 60, 60]);
});

test("the candidates of one class become the segmentation, and maps and inputs are written beside it", async () => {
  const output = mkdtempSync(join(scratch, "candidates-"));
  const input = goldenPath("v2", "blobs_2d", "input", "blob_010_0000.nii.gz");
  const image = await readImage(input);
  const [z, y, x] = image.geometry.sizeZyx;
  const files = ["prediction", "map", "all", "volume_0000"].map((name) => join(output, `${name}.nii.gz`));
  const [prediction, map, all, volume] = files as [string, string, string, string];
  const probabilities = join(output, "scan.npz");
  const { candidates, labelMap } = await withContext((context) =>
    segmentCase(
      {
        name: "scan",
        inputs: [imageFile(input)],
        previousStage: null,
        refinement: {
          candidates: { classes: [1], threshold: 0.5, minConfidence: null },
          reference: null,
          smallestObject: null,
          crop: null,
        },
        outputs: [
          { kind: "label-map", path: prediction },
          { kind: "candidate-map", path: map },
          { kind: "probability-map", path: all },
          { kind: "probabilities", path: probabilities },
          { kind: "input-volume", channel: 0, path: volume },
        ],
      },
      context,
    ),
  );
  const written = await readImage(map);
  const { shape, data } = readNpz(probabilities, "probabilities");
  const ofClass = data.subarray(written.voxels.length, 2 * written.voxels.length);
  expect(candidates!.confidences.length).toBeGreaterThan(0);
  const isSame = (a: NodeJS.TypedArray, b: NodeJS.TypedArray): boolean =>
    Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(
      Buffer.from(b.buffer, b.byteOffset, b.byteLength),
    );
  expect(isSame(labelMap.voxels, (await readImage(prediction)).voxels as Uint8Array)).toBe(true);
  const inMap = written.voxels as Float32Array;
  expect(
    isSame(
      labelMap.voxels,
      Uint8Array.from(inMap, (value) => (value > 0.5 ? 1 : 0)),
    ),
  ).toBe(true);
  expect(
    isSame(
      inMap,
      inMap.map((value, i) => (value === 0 ? 0 : ofClass[i]!)),
    ),
  ).toBe(true);
  const kept = (await readImage(volume)).voxels as Float32Array;
  expect(isSame(kept, Float32Array.from(image.voxels as Float32Array))).toBe(true);
  const bytes = gunzipSync(readFileSync(all));
  expect([...new Int16Array(Uint8Array.from(bytes.subarray(40, 56)).buffer)]).toEqual([
    ...[5, x, y, z, 1, shape[0], 1, 1],
  ]);
  expect(bytes.readInt16LE(68)).toBe(1007);
  expect(isSame(bytes.subarray(352), data)).toBe(true);
});

test("only the box around a mask is segmented, and the result is on the whole image", async () => {
  const input = goldenPath("v2", "blobs_2d", "input", "blob_010_0000.nii.gz");
  const { geometry, source } = await readImage(input);
  const [slices, rows, columns] = geometry.sizeZyx;
  const mask = new Uint8Array(slices * rows * columns);
  mask[(3 * rows + 30) * columns + 35] = 1;
  mask[(8 * rows + 50) * columns + 60] = 1;
  const maskPath = join(scratch, "mask.nii.gz");
  await writeLabelMap({ voxels: mask, geometry }, maskPath, source);
  const { labelMap } = await withContext((context) =>
    segmentCase(
      {
        name: "scan",
        inputs: [imageFile(input)],
        previousStage: null,
        refinement: {
          candidates: { classes: [0], threshold: 0, minConfidence: null },
          reference: null,
          smallestObject: null,
          crop: { mask: imageFile(maskPath), marginXyz: [2, 1, 100] },
        },
        outputs: [{ kind: "label-map", path: join(scratch, "cropped.nii.gz") }],
      },
      context,
    ),
  );
  expect(labelMap.geometry).toEqual(geometry);
  const inside = (labelMap.voxels as Uint8Array).reduce((sum, label) => sum + label, 0);
  expect(inside).toBeGreaterThan(0.5 * slices * 23 * 30);
  let outside = 0;
  for (let i = 0; i < labelMap.voxels.length; i++) {
    const [x, y] = [i % columns, Math.floor(i / columns) % rows];
    if (labelMap.voxels[i] === 1 && (x < 33 || x > 62 || y < 29 || y > 51)) outside++;
  }
  expect(outside).toBe(0);
});

test("a class that the networks do not have is named with those that they have", async () => {
  const input = join(scratch, "scan.nii.gz");
  await writeImage(testImage([4, 60, 60]), input);
  const output = join(mkdtempSync(join(scratch, "no-class-")), "a.nii.gz");
  const candidates = { classes: [9], threshold: 0.1, minConfidence: null };
  await expect(
    withContext((context) =>
      segmentCase(
        {
          name: "scan",
          inputs: [imageFile(input)],
          previousStage: null,
          refinement: { candidates, reference: null, smallestObject: null, crop: null },
          outputs: [{ kind: "label-map", path: output }],
        },
        context,
      ),
    ),
  ).rejects.toThrow(/no class 9: the model's output has the classes 0 to \d+ \(background, /);
});

async function withContext<T>(use: (context: SegmentContext) => Promise<T>): Promise<T> {
  const loaded = await loadModel(modelDir, ["0"]);
  const networks = await openNetworkSet({
    members: loaded.members,
    device: "cpu",
    precision: "auto",
    inferenceEngine: "onnxruntime",
    threads: null,
    availableBytes: Number.POSITIVE_INFINITY,
  });
  const pool = openPool(1);
  try {
    return await use({
      opened: { ...loaded, networks },
      settings: { ...testSettings, useTestTimeAugmentation: false, stepSize: 1 },
      tools: { pool, hooks: noHooks, onEvent: ignoreEvents, signal: new AbortController().signal },
    });
  } finally {
    await Promise.all([networks.close(), pool.close()]);
  }
}
