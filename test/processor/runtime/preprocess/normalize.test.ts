import { afterAll, expect, test } from "vitest";
import { normalize } from "../../../../processor/runtime/preprocess/normalize.js";
import { openPool } from "../../../../processor/runtime/threads/open-pool.js";

const pool = openPool(2);
afterAll(() => pool.close());

test("v1's CT2 clips to the training set's bounds, and uses the mean and the deviation of the case", async () => {
  const values = shared(Float32Array, [-1000, -50, 0, 10, 37.5, 80, 120, 300, 2000, 55]);
  const mask = shared(Uint8Array, [0, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
  const intensity = { mean: 1, std: 2, percentile005: -50, percentile995: 300 };
  await normalize(values, {
    rule: { scheme: "CT2NormalizationV1", useMask: true, intensity },
    mask,
    runLength: values.length,
    place: "ct.nii.gz, channel 0",
    pool,
  });
  // These values come from nnU-Net 1.7.1's own code in numpy, in float32.
  const expected = [
    ...[0, -2.449890613555908, -1.2300280332565308, -0.9860554933547974, -0.31513115763664246],
    ...[0.7217519283294678, 1.6976417303085327, 6.089146614074707, 6.089146614074707, 0],
  ];
  values.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 5);
  });
});

test.each([
  [[0, 51, 255], null],
  [[0, 256], "photo.png, channel 1: the values are from 0 to 256, but rgb_to_0_1 allows only 0 to 255"],
  [[-0.5, 255], "photo.png, channel 1: the values are from -0.5 to 255, but rgb_to_0_1 allows only 0 to 255"],
])("values %j of an RGB channel are divided by 255, or refused as nnU-Net does", async (values, message) => {
  const channel = shared(Float32Array, values) as Float32Array<SharedArrayBuffer>;
  const normalized = normalize(channel, {
    rule: { scheme: "RGBTo01Normalization", useMask: false, intensity: null },
    ...{ mask: null, runLength: values.length, place: "photo.png, channel 1", pool },
  });
  if (message === null) {
    await normalized;
    expect([...channel]).toEqual(values.map((value) => Math.fround(value / 255)));
  } else await expect(normalized).rejects.toMatchObject({ code: "IMAGE_NOT_RGB", message });
});

function shared<T extends Float32Array | Uint8Array>(
  type: { new (buffer: SharedArrayBuffer): T; readonly BYTES_PER_ELEMENT: number },
  values: readonly number[],
) {
  const array = new type(new SharedArrayBuffer(values.length * type.BYTES_PER_ELEMENT));
  array.set(values);
  return array as T & (Float32Array<SharedArrayBuffer> | Uint8Array<SharedArrayBuffer>);
}
