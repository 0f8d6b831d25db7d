import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readNpy } from "../../../src/nnunet/files/read-npz.js";
import { repositoryRoot } from "../../support/golden.js";

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

test.each(["/proc/self/limits"].filter(existsSync))(
  "an array that does not fit the memory of the process is refused before it is read (%s)",
  () => {
    const values = 2 ** 30;
    const file = npy(`{'descr': '<f4', 'fortran_order': False, 'shape': (${values},), }`, new Uint8Array());
    const head = readFileSync(file).length;
    truncateSync(file, head + 4 * values);
    const reader = join(repositoryRoot, "dist", "src", "nnunet", "files", "read-npz.js");
    const script = `import(${JSON.stringify(reader)}).then((m) => m.readNpy(${JSON.stringify(file)})).catch((e) => console.log(e.code, e.message))`;
    const limited = `ulimit -d 2000000; exec "${process.execPath}" -e '${script}'`;
    const { stdout } = spawnSync("sh", ["-c", limited], { encoding: "utf8" });
    expect(stdout).toMatch(/^OUT_OF_MEMORY .*an array of 1073741824 has 4294967296 bytes/);
  },
);
