import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { writeImage } from "../../../processor/imaging/formats/write-image.js";
import { identityDirection } from "../../../processor/imaging/volume/geometry.js";
import { npyHeader } from "../../../processor/nnunet-files/npz-writer.js";
import { evaluateNvidia } from "../../../src/nnunet/evaluation/evaluate-nvidia.js";
import { neverStopped } from "../../support/never-stopped.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "evaluate-nvidia-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes probabilities of three classes for four voxels in a row, of which each takes one class. */
function predict(name: string, classes: readonly number[]): void {
  const heads = [0, 1, 2].flatMap((head) => classes.map((found) => (found === head ? 0.8 : 0.1)));
  const header = npyHeader([3, 1, 1, 4], "f8");
  writeFileSync(join(folder, name), Buffer.concat([header, Buffer.from(new Float64Array(heads).buffer)]));
}

async function label(name: string, voxels: readonly number[]): Promise<void> {
  const path = join(folder, name);
  await writeImage(
    {
      voxels: Uint8Array.from(voxels),
      components: 1,
      geometry: {
        sizeZyx: [1, 1, voxels.length],
        spacingMmZyx: [1, 1, 1],
        originMmXyz: [0, 0, 0],
        directionXyz: identityDirection,
        dimensions: 3,
      },
      source: { format: "nifti", path, nifti: null },
    },
    path,
  );
}

const evaluate = () =>
  evaluateNvidia({
    predictionFolder: folder,
    referenceFolder: folder,
    progress: silentProgress,
    signal: neverStopped(),
  });

describe("probabilities are scored as by NVIDIA's evaluate.py", () => {
  test("Dice of each label, averaged over cases and then over labels", async () => {
    predict("a.npy", [0, 1, 1, 2]);
    await label("a.nii.gz", [0, 1, 2, 2]);
    predict("b.npy", [0, 0, 1, 1]);
    await label("b.nii.gz", [0, 0, 1, 1]);
    const { meanDice, diceOfLabels } = await evaluate();
    // Case b has no label 2 on either side, which counts as 1.
    expect(diceOfLabels[0]).toBeCloseTo((2 / 3 + 1) / 2, 12);
    expect(diceOfLabels[1]).toBeCloseTo((2 / 3 + 1) / 2, 12);
    expect(meanDice).toBeCloseTo(5 / 6, 12);
  });

  test("a reference of another size is named", async () => {
    predict("a.npy", [0, 1, 1, 2]);
    await label("a.nii.gz", [0, 1, 2]);
    await expect(evaluate()).rejects.toMatchObject({
      code: "PROBABILITIES_INVALID",
      message: expect.stringContaining("3 × 1 × 1 × 4 do not fit"),
    });
  });

  test("a missing reference is named", async () => {
    predict("a.npy", [0, 1, 1, 2]);
    await expect(evaluate()).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
  });

  test("a folder without probabilities is named", async () => {
    await expect(evaluate()).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
  });

  test("a file that is not numpy's is refused", async () => {
    writeFileSync(join(folder, "a.npy"), "text");
    await label("a.nii.gz", [0]);
    await expect(evaluate()).rejects.toMatchObject({ code: "PROBABILITIES_INVALID" });
  });
});
