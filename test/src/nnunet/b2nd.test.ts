import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readB2nd } from "../../../src/nnunet/files/blosc2/read-b2nd.js";
import { writeB2nd } from "../../../src/nnunet/files/blosc2/write-b2nd.js";
import { goldenPath, readNpyGz, repositoryRoot } from "../../support/golden.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "b2nd-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const fixtures = join(repositoryRoot, "test", "fixtures", "b2nd");
const isoCt = goldenPath("tools", "datasets", "Dataset302_IsoCT", "expected_preprocessed", "3d_fullres");

test("reads the files that nnU-Net's preprocessing wrote", async () => {
  const data = await readB2nd(join(isoCt, "real_ct_00.b2nd"));
  const expected = readNpyGz(join(isoCt, "ct_00_data.npy.gz"));
  expect(data.shape).toEqual(expected.shape);
  expect(Buffer.from(data.values.buffer).equals(Buffer.from(Float32Array.from(expected.data).buffer))).toBe(
    true,
  );
  const labels = await readB2nd(join(isoCt, "real_ct_00_seg.b2nd"));
  const npy = gunzipSync(readFileSync(join(isoCt, "ct_00_seg.npy.gz")));
  const seg = new Int8Array(npy.subarray(10 + npy.readUInt16LE(8)));
  expect(labels.values.length).toBe(seg.length);
  expect(labels.values.every((value, i) => value === seg[i])).toBe(true);
});

test.each(readdirSync(fixtures))("reads %s of Blosc 2's own library", async (name) => {
  const { shape, values } = await readB2nd(join(fixtures, name));
  expect(shape).toEqual([1, 6, 13, 18]);
  const constants: Readonly<Record<string, number>> = { zeros: 0, nan: Number.NaN, constant: 3.25 };
  const constant = constants[name.split(".")[0]!];
  expect(values.every((value, i) => Object.is(value, constant ?? (i % 251) - 1))).toBe(true);
});

test.each([
  {
    what: "smooth intensities",
    shape: [2, 13, 50, 61],
    patch: [16, 32, 32],
    value: (i: number) => Math.sin(i / 90),
  },
  {
    what: "few values",
    shape: [1, 40, 33, 29],
    patch: [32, 32, 32],
    value: (i: number) => Math.floor(i / 97) % 9,
  },
  { what: "slices", shape: [1, 7, 300, 220], patch: [256, 224], value: (i: number) => i % 1000 },
  {
    what: "noise",
    shape: [1, 9, 40, 40],
    patch: [16, 16, 16],
    value: (i: number) => Math.sin(i * i * 12.9898),
  },
  { what: "a single voxel", shape: [1, 1, 1, 1], patch: [128, 128, 128], value: () => 7 },
])("stores $what and reads them again", async ({ shape, patch, value }) => {
  const count = shape.reduce((all, size) => all * size, 1);
  const path = join(folder, "case.b2nd");
  for (const values of [
    Float32Array.from({ length: count }, (_, i) => value(i)),
    Int16Array.from({ length: count }, (_, i) => value(i) * 100),
  ]) {
    await writeB2nd(path, { shape, values }, patch);
    const found = await readB2nd(path);
    expect(found.shape).toEqual(shape);
    expect(Buffer.from(found.values.buffer).equals(Buffer.from(values.buffer))).toBe(true);
  }
  expect(readdirSync(folder)).toEqual(["case.b2nd"]);
});

test("compresses labels to a fraction", async () => {
  const values = Int16Array.from({ length: 64 ** 3 }, (_, i) => (i % 64 > 20 && i % 64 < 40 ? 2 : -1));
  await writeB2nd(join(folder, "seg.b2nd"), { shape: [1, 64, 64, 64], values }, [64, 64, 64]);
  expect(readFileSync(join(folder, "seg.b2nd")).length).toBeLessThan(values.byteLength / 20);
});

test.each([-1, 0, 257])(
  "keeps a block that is %i throughout in at most a hundredth of its bytes",
  async (label) => {
    const values = new Int16Array(64 ** 3).fill(label);
    const path = join(folder, "seg.b2nd");
    await writeB2nd(path, { shape: [1, 64, 64, 64], values }, [64, 64, 64]);
    expect((await readB2nd(path)).values.every((value) => value === label)).toBe(true);
    expect(readFileSync(path).length).toBeLessThan(values.byteLength / 100);
  },
);

test.each([
  { what: "a missing file", bytes: null, says: "ENOENT" },
  { what: "another file", bytes: () => Buffer.from("hello"), says: "not a frame" },
  {
    what: "a file that is cut off",
    bytes: (whole: Buffer) => whole.subarray(0, whole.length - 200),
    says: "",
  },
  { what: "a damaged block", bytes: (whole: Buffer) => damaged(whole), says: "damaged" },
])("refuses $what", async ({ bytes, says }) => {
  const path = join(folder, "case.b2nd");
  const whole = readFileSync(join(fixtures, "LZ4_NOFILTER_f4.b2nd"));
  if (bytes !== null) writeFileSync(path, bytes(whole));
  const error = await readB2nd(path).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "NOT_PREPROCESSED" });
  expect(String(error)).toContain(says);
});

/** Makes the first block's stream longer than its chunk. */
function damaged(whole: Buffer): Buffer {
  const bytes = Buffer.from(whole);
  const chunk = bytes.readInt32BE(0x0b);
  bytes.writeInt32LE(0x7fff_ffff, chunk + bytes.readInt32LE(chunk + 32));
  return bytes;
}
