import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ignoreEvents } from "../../../../processor/contract/progress/run-event.js";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../../../processor/imaging/formats/write-image.js";
import { imageFile } from "../../../../processor/runtime/cases/case.js";
import { noHooks } from "../../../../processor/runtime/hooks/hooks.js";
import { openNetworkSet } from "../../../../processor/runtime/inference/network-set.js";
import { loadModel } from "../../../../processor/runtime/model/load-model.js";
import { segmentCase } from "../../../../processor/runtime/segment/segment-case.js";
import type { SegmentContext } from "../../../../processor/runtime/segment/segment-context.js";
import { openPool } from "../../../../processor/runtime/threads/open-pool.js";
import { testImage } from "../../../support/images/test-image.js";
import { convertGolden } from "../../../support/model/convert.js";
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

async function withContext<T>(use: (context: SegmentContext) => Promise<T>): Promise<T> {
  const loaded = await loadModel(modelDir, ["0"]);
  const networks = await openNetworkSet({
    members: loaded.members,
    device: "cpu",
    precision: "auto",
    availableBytes: Number.POSITIVE_INFINITY,
  });
  const pool = openPool(1);
  try {
    return await use({
      opened: { ...loaded, networks },
      settings: {
        useTestTimeAugmentation: false,
        stepSize: 1,
        device: "cpu",
        precision: "auto",
        exportMode: "normal",
      },
      tools: { pool, hooks: noHooks, onEvent: ignoreEvents, signal: new AbortController().signal },
    });
  } finally {
    await Promise.all([networks.close(), pool.close()]);
  }
}
