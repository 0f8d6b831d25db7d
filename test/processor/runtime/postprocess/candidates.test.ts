import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { extractCandidates, keepOverlapping } from "../../../../processor/runtime/postprocess/candidates.js";
import { goldenPath } from "../../../support/golden.js";

/** The results of nnunet_serve's own functions; see test/golden/README.md. */
interface GoldenCase {
  readonly case: string;
  readonly options?: {
    readonly threshold: number;
    readonly min_confidence?: number;
    readonly intersect_with?: string;
    readonly min_intersection?: number;
  };
  readonly confidences?: readonly number[];
  readonly min_intersection?: number;
  readonly expected?: string;
}

const { cases } = JSON.parse(readFileSync(goldenPath("dicom", "candidates", "expected.json"), "utf8")) as {
  readonly cases: readonly GoldenCase[];
};

const golden = (name: string) => readImage(goldenPath("dicom", "candidates", name));
const bytesOf = async (name: string): Promise<Uint8Array> =>
  Uint8Array.from((await golden(name)).voxels as Uint8Array);

describe("the candidates of a class are those of nnunet_serve", () => {
  const known = cases.filter(({ options }) => options !== undefined);
  test.each(known.map((one) => ({ name: one.case, one })))("$name", async ({ name, one }) => {
    const { voxels, geometry } = await golden("probabilities.nii.gz");
    const probabilities = Float32Array.from(voxels as Float32Array);
    const mask = new Uint8Array(probabilities.length);
    const { threshold, min_confidence, intersect_with, min_intersection } = one.options!;
    const found = extractCandidates({
      probabilities,
      mask,
      sizeZyx: geometry.sizeZyx,
      threshold,
      minConfidence: min_confidence ?? null,
      reference:
        intersect_with === undefined
          ? null
          : { voxels: await bytesOf(intersect_with), minIntersection: min_intersection ?? 0.1 },
    });
    expect(found.confidences).toEqual(one.confidences);
    expect(probabilities).toEqual(
      Float32Array.from((await golden(`${name}_map.nii.gz`)).voxels as Float32Array),
    );
    expect(mask).toEqual(await bytesOf(`${name}_mask.nii.gz`));
  });
});

describe("the parts of a segmentation that overlap a mask are those of nnunet_serve", () => {
  const known = cases.filter((one) => one.case === "mask_intersect");
  test.each(known)("a share of $min_intersection", async ({ min_intersection, expected }) => {
    const { voxels, geometry } = await golden("labels.nii.gz");
    const labels = Uint8Array.from(voxels as Uint8Array);
    const removed = keepOverlapping({
      labels,
      sizeZyx: geometry.sizeZyx,
      voxels: await bytesOf("reference_mask.nii.gz"),
      minIntersection: min_intersection!,
    });
    expect(labels).toEqual(await bytesOf(expected!));
    expect(removed).toBeGreaterThan(0);
  });
});

test("probabilities of 0 are in no candidate, even with a threshold of 0", () => {
  const probabilities = new Float32Array(3 * 20);
  probabilities.fill(0.5, 20, 40);
  const mask = new Uint8Array(60);
  const found = extractCandidates({
    probabilities,
    mask,
    sizeZyx: [1, 3, 20],
    threshold: 0,
    minConfidence: null,
    reference: null,
  });
  expect(found).toEqual({ confidences: [0.5], removed: 0 });
  expect(mask.reduce((sum, value) => sum + value, 0)).toBe(20);
});
