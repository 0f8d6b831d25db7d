import { afterAll, describe, expect, test } from "vitest";
import type { InferencePlan, LabelDefinition } from "../../../../processor/contract/manifest.js";
import { mapNonEmpty } from "../../../../processor/contract/non-empty.js";
import { permute, voxelCount, type Zyx } from "../../../../processor/imaging/volume/axes.js";
import { roundToHalf } from "../../../../processor/imaging/volume/float16.js";
import { identityDirection } from "../../../../processor/imaging/volume/geometry.js";
import type { LogitStream } from "../../../../processor/runtime/inference/logit-slab.js";
import { spoolStream } from "../../../../processor/runtime/inference/spool-stream.js";
import { type ExportSource, exportLabels } from "../../../../processor/runtime/postprocess/export-labels.js";
import { openPool } from "../../../../processor/runtime/threads/open-pool.js";
import { collectLogits, planOfPatch } from "../../../support/model/inference-case.js";

const pool = openPool(2);
afterAll(() => pool.close());

const heads = 4;
const imageSizeZyx: Zyx = [9, 11, 14];
const labels: LabelDefinition = {
  ...{ names: [], foregroundLabels: [1, 2, 3], regionsClassOrder: null, ignoreLabel: null },
};
const regions: LabelDefinition = {
  ...labels,
  regionsClassOrder: [1, 2, 3, 4],
  foregroundLabels: [1, 2, 3, 4],
};

describe("the mean of several outputs", () => {
  test.each([
    ["logits", "logits", labels],
    ["probabilities", "probabilities", labels],
    ["logits", "probabilities", labels],
    ["logits", "logits", regions],
  ] as const)("of %s and %s is computed on the image's grid, voxel by voxel", async (a, b, definition) => {
    const sources = [answer(1, [5, 6, 7], a), answer(2, [12, 9, 10], b)] as const;
    const found = await exportLabels(mapNonEmpty(sources, sourceOf), {
      labels: definition,
      pool,
      probabilities: null,
    });
    expect(Array.from(found.voxels)).toEqual(naiveMean(sources, definition));
  });

  test("does not depend on the axis order in which a member was trained", async () => {
    const [first, second] = [answer(1, [5, 6, 7], "logits"), answer(2, [8, 6, 5], "logits")];
    const plain = await exportLabels([sourceOf(first), sourceOf(second)], {
      labels,
      pool,
      probabilities: null,
    });
    const turned = { ...sourceOf(second), ...inOrder(second, [2, 0, 1]) };
    const found = await exportLabels([sourceOf(first), turned], { labels, pool, probabilities: null });
    expect(found.voxels).toEqual(plain.voxels);
  });

  test("is written as the probabilities that decide the labels", async () => {
    const sources = [answer(3, [5, 6, 7], "logits"), answer(4, [7, 8, 7], "logits")] as const;
    const planes: number[][] = [];
    const probabilities = {
      writeSlice: async (_: number, values: Float32Array) => void planes.push(Array.from(values)),
    };
    const { voxels } = await exportLabels(mapNonEmpty(sources, sourceOf), { labels, pool, probabilities });
    const plane = imageSizeZyx[1] * imageSizeZyx[2];
    const best = planes.flatMap((values) =>
      Array.from({ length: plane }, (_, i) =>
        largest(Array.from({ length: heads }, (_, head) => values[head * plane + i]!)),
      ),
    );
    expect(best).toEqual(Array.from(voxels));
  });
});

test.each([
  ["in memory", 1e9],
  ["in a file", 0],
])("a stream that is stored %s gives the same slabs each time it is read", async (_, memoryLimit) => {
  const plain = await collectLogits(sourceOf(answer(5, [5, 6, 7], "logits")).stream);
  const spooled = await spoolStream(sourceOf(answer(5, [5, 6, 7], "logits")).stream, memoryLimit);
  expect(await collectLogits(spooled)).toEqual(plain);
  expect(await collectLogits(spooled)).toEqual(plain);
  await spooled.discard();
});

test("a number in [0, 1] is rounded to float16 as in numpy", () => {
  // numpy.float32(x).astype(numpy.float16)
  expect(roundToHalf(0.1)).toBe(0.0999755859375);
  expect(roundToHalf(0.50012207)).toBe(0.5);
  expect(roundToHalf(0.5003662109375)).toBe(0.50048828125);
  expect(roundToHalf(1)).toBe(1);
  expect(roundToHalf(1e-5)).toBe(1.0013580322265625e-5);
  expect(roundToHalf(2 ** -25)).toBe(0);
  expect(roundToHalf(3 * 2 ** -25)).toBe(2 ** -23);
});

interface Answer {
  readonly sizeZyx: Zyx;
  readonly kind: LogitStream["kind"];
  /** `z × head × y × x`, smooth enough that neighbours often agree. */
  readonly values: Float32Array;
}

function answer(seed: number, sizeZyx: Zyx, kind: LogitStream["kind"]): Answer {
  const [slices, rows, columns] = sizeZyx;
  const values = new Float32Array(heads * voxelCount(sizeZyx));
  let i = 0;
  for (let z = 0; z < slices; z++)
    for (let head = 0; head < heads; head++)
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++)
          values[i++] =
            3 * Math.sin(seed + head * 2.1 + (z / slices) * 4 + (y / rows) * 3 - (x / columns) * 5);
  if (kind === "probabilities") toProbabilities(values, sizeZyx);
  return { sizeZyx, kind, values };
}

function toProbabilities(values: Float32Array, [slices, rows, columns]: Zyx): void {
  const plane = rows * columns;
  for (let z = 0; z < slices; z++) {
    for (let i = 0; i < plane; i++) {
      const at = (head: number) => (z * heads + head) * plane + i;
      const powers = Array.from({ length: heads }, (_, head) => Math.exp(values[at(head)]!));
      const sum = powers.reduce((a, b) => a + b);
      for (let head = 0; head < heads; head++) values[at(head)] = powers[head]! / sum;
    }
  }
}

function sourceOf({ sizeZyx, kind, values }: Answer): ExportSource {
  const [slices, rows, columns] = sizeZyx;
  async function* slabs() {
    for (let z = 0; z < slices; z += 2) {
      const taken = Math.min(2, slices - z);
      const part = new Float32Array(new SharedArrayBuffer(taken * heads * rows * columns * 4));
      part.set(values.subarray(z * heads * rows * columns, (z + taken) * heads * rows * columns));
      yield { zStart: z, sizeZyx: [taken, rows, columns] as const, heads, kind, values: part };
    }
  }
  const spacing: Zyx = [1, 1, 1];
  return {
    stream: { heads, sizeZyx, kind, slabs: slabs() },
    plan: planOfPatch([4, 4, 4]),
    history: {
      originalGeometry: {
        ...{ sizeZyx: imageSizeZyx, spacingMmZyx: spacing, originMmXyz: spacing },
        ...{ directionXyz: identityDirection, dimensions: 3 },
      },
      ...{ sizeBeforeCroppingZyx: imageSizeZyx, sizeAfterCroppingZyx: imageSizeZyx },
      cropBoxZyx: [
        [0, imageSizeZyx[0]],
        [0, imageSizeZyx[1]],
        [0, imageSizeZyx[2]],
      ],
      ...{ originalSpacingMmZyx: spacing, networkSpacingMmZyx: spacing },
    },
  };
}

/** Returns the same output as from a model with transposed axes. */
function inOrder(given: Answer, order: Zyx): ExportSource {
  const sizeZyx = permute(given.sizeZyx, order);
  const values = new Float32Array(given.values.length);
  const [, rows, columns] = given.sizeZyx;
  const index = [0, 0, 0] as [number, number, number];
  let i = 0;
  for (let a = 0; a < sizeZyx[0]; a++)
    for (let head = 0; head < heads; head++)
      for (let b = 0; b < sizeZyx[1]; b++)
        for (let c = 0; c < sizeZyx[2]; c++) {
          index[order[0] as 0 | 1 | 2] = a;
          index[order[1] as 0 | 1 | 2] = b;
          index[order[2] as 0 | 1 | 2] = c;
          values[i++] = given.values[((index[0] * heads + head) * rows + index[1]) * columns + index[2]]!;
        }
  const source = sourceOf({ ...given, sizeZyx, values });
  const plan: InferencePlan = { ...source.plan, transposeForward: order };
  const size = permute(imageSizeZyx, order);
  return {
    ...{ stream: source.stream, plan },
    history: { ...source.history, sizeBeforeCroppingZyx: size, sizeAfterCroppingZyx: size },
  };
}

/**
 * Computes the reference result: every class at every voxel is interpolated, converted to a probability and averaged.
 */
function naiveMean(answers: readonly Answer[], { regionsClassOrder }: LabelDefinition): number[] {
  const labelsOut: number[] = [];
  const isHalf = answers.every(({ kind }) => kind === "probabilities");
  for (let z = 0; z < imageSizeZyx[0]; z++)
    for (let y = 0; y < imageSizeZyx[1]; y++)
      for (let x = 0; x < imageSizeZyx[2]; x++) {
        const sums = new Float32Array(heads);
        for (const given of answers) {
          const values = Array.from({ length: heads }, (_, head) => interpolate(given, head, [z, y, x]));
          const asProbabilities =
            given.kind === "probabilities"
              ? values.map(roundToHalf)
              : regionsClassOrder === null
                ? softmax(values)
                : values.map((value) => 1 / (1 + Math.exp(-value)));
          for (let head = 0; head < heads; head++) sums[head]! += asProbabilities[head]!;
        }
        const means = Array.from(sums, (sum) => {
          const mean = Math.fround(sum / answers.length);
          return isHalf ? roundToHalf(mean) : mean;
        });
        labelsOut.push(
          regionsClassOrder === null
            ? largest(means)
            : regionsClassOrder.reduce((label, next, head) => (means[head]! > 0.5 ? next : label), 0),
        );
      }
  return labelsOut;
}

function interpolate({ sizeZyx, values }: Answer, head: number, at: Zyx): number {
  const axes = ([0, 1, 2] as const).map((axis) => {
    const size = sizeZyx[axis];
    const place = Math.min(Math.max((size / imageSizeZyx[axis]) * (at[axis] + 0.5) - 0.5, 0), size - 1);
    const lower = Math.floor(place);
    return { lower, upper: Math.min(lower + 1, size - 1), weight: place - lower };
  });
  let sum = 0;
  for (let corner = 0; corner < 8; corner++) {
    const picked = axes.map(({ lower, upper, weight }, axis) =>
      corner & (1 << axis) ? { index: upper, share: weight } : { index: lower, share: 1 - weight },
    );
    const [a, b, c] = picked as [(typeof picked)[0], (typeof picked)[0], (typeof picked)[0]];
    const value = values[((a.index * heads + head) * sizeZyx[1] + b.index) * sizeZyx[2] + c.index]!;
    sum += a.share * b.share * c.share * value;
  }
  return sum;
}

function softmax(values: readonly number[]): number[] {
  const powers = values.map((value) => Math.exp(value - Math.max(...values)));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

function largest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}
