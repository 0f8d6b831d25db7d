import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { writeImage } from "../../../processor/imaging/formats/write-image.js";
import {
  type Direction,
  type Geometry,
  identityDirection,
} from "../../../processor/imaging/volume/geometry.js";
import { convertDecathlon } from "../../../src/nnunet/conversion/convert-dataset.js";
import { goldenPath } from "../../support/golden.js";

let folder = "";
let source = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "decathlon-"));
  const golden = goldenPath("tools", "conversion", "msd_4d", "in");
  source = join(folder, readdirSync(golden)[0]!);
  cpSync(join(golden, readdirSync(golden)[0]!), source, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const target = (...parts: readonly string[]): string => join(folder, "converted", ...parts);

async function convert(changes: object = {}): Promise<Readonly<Record<string, unknown>>> {
  const file = join(source, "dataset.json");
  const json = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, unknown>>;
  writeFileSync(file, JSON.stringify({ ...json, ...changes }));
  const tools = { progress: silentProgress, signal: new AbortController().signal };
  await convertDecathlon({ source, target: target(), tools });
  return JSON.parse(readFileSync(target("dataset.json"), "utf8")) as Readonly<Record<string, unknown>>;
}

const geometry = (dimensions: 2 | 3): Geometry => ({
  sizeZyx: [1, 3, 4],
  spacingMmZyx: [1, 1, 1],
  originMmXyz: [0, 0, 0],
  directionXyz: identityDirection,
  dimensions,
});

test("the values of labels are read as by Python's int, and names as keys of JSON", async () => {
  const labels = { " 0 ": "background", "01": "a/b ü", "+2": "", "1_0": 7, "3": null };
  expect((await convert({ labels }))["labels"]).toEqual({
    ...{ background: 0, "a/b ü": 1, "": 2, "7": 10, null: 3 },
  });
});

test("of two labels with one name, the last value counts", async () => {
  expect((await convert({ labels: { 0: "background", 1: "a", 2: "a" } }))["labels"]).toEqual({
    background: 0,
    a: 2,
  });
});

test("numbers that Python reads as floats stay floats, and ints of any size are kept", async () => {
  const file = join(source, "dataset.json");
  const text = readFileSync(file, "utf8").trimEnd().slice(0, -1);
  const large = "123456789012345678901";
  const numbers = `"a": 1.0, "b": 1e-5, "c": [1E22, -0.0, NaN, -Infinity], "d": 7, "e": ${large}}`;
  writeFileSync(file, `${text}, ${numbers}`);
  const tools = { progress: silentProgress, signal: new AbortController().signal };
  await convertDecathlon({ source, target: target(), tools });
  const written = readFileSync(target("dataset.json"), "utf8").replaceAll(/\s+/g, " ");
  expect(written).toContain('"a": 1.0, "b": 1e-05, "c": [ 1e+22, -0.0, NaN, -Infinity ], "d": 7');
  expect(written).toContain(`"e": ${large}`);
});

test.each([{ labels: { 0: "background", "1.0": "a" } }, { labels: ["background"] }, { labels: { a: 1 } }])(
  "$labels are refused, and nothing is left behind",
  async (changes) => {
    await expect(convert(changes)).rejects.toMatchObject({ code: "DATASET_INVALID" });
    expect(existsSync(target())).toBe(false);
  },
);

test("an image with two axes is refused", async () => {
  const path = join(source, "imagesTr", "flat.nii.gz");
  const voxels = new Float32Array(12);
  await writeImage(
    { voxels, components: 1, geometry: geometry(2), source: { format: "nifti", path, nifti: null } },
    path,
  );
  await expect(convert()).rejects.toThrow("has two axes");
});

test("the volumes of a 4-D image get the orientation that ITK writes, and doubles stay doubles after scaling", async () => {
  const path = join(source, "imagesTr", "turned.nii.gz");
  const [sine, cosine] = [Math.sin(0.3), Math.cos(0.3)];
  const directionXyz: Direction = [cosine, -sine, 0, sine, cosine, 0, 0, 0, 1];
  const place = { ...geometry(3), sizeZyx: [2, 3, 4], spacingMmZyx: [1, 0.8, 1], directionXyz } as const;
  const voxels = Float64Array.from({ length: 48 }, (_, i) => i / 3);
  await writeImage(
    { voxels, components: 2, geometry: place, source: { format: "nifti", path, nifti: null } },
    path,
  );
  const bytes = gunzipSync(readFileSync(path));
  // Only the qform is left, whose matrix ITK computes in another way.
  bytes.writeInt16LE(0, 254);
  bytes.writeFloatLE(2, 112);
  writeFileSync(path, gzipSync(bytes));
  await convert();
  const volume = gunzipSync(readFileSync(target("imagesTr", "turned_0001.nii.gz")));
  expect(volume.readInt16LE(70)).toBe(64);
  expect(volume.readDoubleLE(352)).toBe((24 / 3) * 2);
  expect([volume.readInt16LE(252), volume.readInt16LE(254)]).toEqual([1, 1]);
});
