import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readNpy } from "../../../src/nnunet/files/read-npz.js";

const folder = mkdtempSync(join(tmpdir(), "npy-"));
afterAll(() => rmSync(folder, { recursive: true }));

function npy(header: string, values: Uint8Array): string {
  const text = Buffer.from(`${header}\n`);
  const file = join(folder, "array.npy");
  const length = Buffer.from(Uint16Array.of(text.length).buffer);
  writeFileSync(
    file,
    Buffer.concat([Buffer.from("\u0093NUMPY\u0001\u0000", "latin1"), length, text, values]),
  );
  return file;
}

test.each([
  ["f2", Uint16Array.of(0x3c00, 0x4000), [1, 2]],
  ["f4", Float32Array.of(1.5, -2), [1.5, -2]],
  ["f8", Float64Array.of(1.5, -2), [1.5, -2]],
] as const)("an array of %s is read", async (type, values, expected) => {
  const header = `{'descr': '<${type}', 'fortran_order': False, 'shape': (1, 2), }`;
  const found = await readNpy(npy(header, new Uint8Array(values.buffer)));
  expect([found.shape, [...found.values], found.type]).toEqual([[1, 2], expected, type]);
});

test("a file of 5 GiB whose header announces less is refused before its values are read", async () => {
  const file = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", new Uint8Array(8));
  truncateSync(file, 5 * 2 ** 30);
  await expect(readNpy(file)).rejects.toMatchObject({ code: "PROBABILITIES_INVALID" });
});
