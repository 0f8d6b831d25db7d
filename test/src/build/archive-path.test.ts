import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freeArchivePath } from "../../../src/build/archive-path.js";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "build-options-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const request = (existing: "keep" | "replace") => ({
  exportFolder: folder,
  archiveName: null,
  isAttested: true,
  modelTarball: null,
  imageName: "liver:1",
  existing,
});

describe("a build that was killed between the names of its files", () => {
  test("is completed by the same command", async () => {
    writeFileSync(join(folder, "liver-1.spdx.json"), "{}");
    expect(await freeArchivePath(request("replace"))).toBe(join(folder, "liver-1.tar.gz"));
  });

  test("is refused with --no-overwrite, saying what the file is and what to do", async () => {
    writeFileSync(join(folder, "liver-1.spdx.json"), "{}");
    await expect(freeArchivePath(request("keep"))).rejects.toMatchObject({
      code: "OUTPUT_EXISTS",
      message: `${join(folder, "liver-1.spdx.json")} already exists, but liver-1.tar.gz does not: a build that was killed at its end leaves this, and so does moving the archive. Delete it, or run the build without --no-overwrite`,
    });
  });
});

test("an archive that exists is refused by name with --no-overwrite", async () => {
  for (const name of ["liver-1.tar.gz", "liver-1.spdx.json"]) writeFileSync(join(folder, name), "");
  await expect(freeArchivePath(request("keep"))).rejects.toMatchObject({
    message: `${join(folder, "liver-1.tar.gz")} already exists`,
  });
});
