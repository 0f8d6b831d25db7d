import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeFileWhole } from "../../../processor/files/write-file.js";

const scratch = mkdtempSync(join(tmpdir(), "write-file-"));
afterAll(() => rmSync(scratch, { recursive: true }));

test.each([
  { name: "255 letters", fileName: `${"L".repeat(248)}.nii.gz` },
  { name: "82 characters of three bytes each", fileName: `${"腦".repeat(82)}.nii.gz` },
])("a name as long as the file system allows is written: $name", async ({ fileName }) => {
  const path = join(scratch, fileName);
  await writeFileWhole(path, [Buffer.from("voxels")]);
  expect(readFileSync(path, "latin1")).toBe("voxels");
});

test("a longer name is refused with its length, and no file is left", async () => {
  const before = readdirSync(scratch);
  await expect(
    writeFileWhole(join(scratch, `${"L".repeat(249)}.nii.gz`), [Buffer.from("voxels")]),
  ).rejects.toMatchObject({
    code: "OUTPUT_UNWRITABLE",
    message: expect.stringContaining("its name has 256 bytes, but most file systems allow 255"),
  });
  expect(readdirSync(scratch)).toEqual(before);
});
