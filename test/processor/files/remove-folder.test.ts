import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeFolder } from "../../../processor/files/remove-folder.js";

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remove-folder-"));
});
afterEach(() => rmSync(scratch, { recursive: true }));

test("a folder goes with its files, and a missing one is no error", async () => {
  const folder = join(scratch, "old");
  mkdirSync(folder);
  writeFileSync(join(folder, "a"), "");
  await removeFolder(folder);
  await removeFolder(folder);
  expect(readdirSync(scratch)).toEqual([]);
});

test("a folder that the system does not remove is named", async () => {
  writeFileSync(join(scratch, "file"), "");
  const folder = join(scratch, "file", "below");
  await expect(removeFolder(folder)).rejects.toMatchObject({
    code: "OUTPUT_UNWRITABLE",
    message: `${folder} cannot be written (ENOTDIR)`,
  });
});
