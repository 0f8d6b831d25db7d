import { mkdtempSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { changedRawFiles, fileStates, saveRawFiles } from "../../../src/nnunet/datasets/raw-files.js";

const folder = mkdtempSync(join(tmpdir(), "raw-files-"));

/** Gzip data that have as many bytes for each value. */
const stored = (value: number, length: number): Buffer => gzipSync(Buffer.alloc(length, value), { level: 0 });

async function changesAfter(before: Buffer, after: Buffer): Promise<readonly string[] | null> {
  const path = join(folder, "case.nii.gz");
  writeFileSync(path, before);
  utimesSync(path, 1, 1);
  await saveRawFiles(
    { preprocessedFolder: folder, rawFolder: folder },
    await fileStates([path]),
    "SimpleITKIO",
  );
  writeFileSync(path, after);
  utimesSync(path, 2, 2);
  return changedRawFiles(folder, folder, [path]);
}

test.each([
  { kind: "one part", before: stored(1, 5000), after: stored(2, 5000) },
  {
    kind: "several parts, of which the last is the same",
    before: Buffer.concat([stored(1, 5000), stored(3, 2000)]),
    after: Buffer.concat([stored(2, 5000), stored(3, 2000)]),
  },
  {
    kind: "an empty last part",
    before: Buffer.concat([stored(1, 5000), gzipSync("")]),
    after: Buffer.concat([stored(2, 5000), gzipSync("")]),
  },
  {
    kind: "zeros after the data",
    before: Buffer.concat([stored(1, 5000), Buffer.alloc(100)]),
    after: Buffer.concat([stored(2, 5000), Buffer.alloc(100)]),
  },
  {
    kind: "a last part that is longer than the file",
    before: Buffer.concat([stored(1, 5000), gzipSync(Buffer.alloc(100_000))]),
    after: Buffer.concat([stored(2, 5000), gzipSync(Buffer.alloc(100_000))]),
  },
  { kind: "no compression", before: Buffer.alloc(9, 1), after: Buffer.alloc(9, 2) },
])("a file with $kind has changed if it has other bytes of the same number", async ({ before, after }) => {
  expect(after.length).toBe(before.length);
  expect(await changesAfter(before, after)).toEqual(["case.nii.gz has changed"]);
  expect(await changesAfter(before, before)).toEqual([]);
});
