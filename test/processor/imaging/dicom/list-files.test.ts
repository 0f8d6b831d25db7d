import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { listFiles } from "../../../../processor/imaging/dicom/list-files.js";

const scratch = mkdtempSync(join(tmpdir(), "list-files-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(scratch, "study-"));
});

function put(...names: readonly string[]): void {
  for (const name of names) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), "");
  }
}

const list = async (path = folder): Promise<readonly string[]> =>
  (await listFiles(path)).map((file) => relative(folder, file));

test("lists the files of all subfolders in byte order", async () => {
  put("b", "a/z", "a.dcm", "é", "A");
  expect(await list()).toEqual(["A", "a.dcm", "a/z", "b", "é"]);
});

test("lists a file as itself, and the folder of a DICOMDIR", async () => {
  put("DICOMDIR", "1/a");
  expect(await list(join(folder, "1", "a"))).toEqual(["1/a"]);
  expect(await list(join(folder, "DICOMDIR"))).toEqual(["1/a", "DICOMDIR"]);
});

test.each(["dicomdir", "DICOMDIR.", "DICOMDIR.;1", "DICOMDIR;1"])(
  "lists the folder of %s, as discs of ISO 9660 may name it",
  async (name) => {
    put(name, "IM1.;1");
    expect(await list(join(folder, name))).toContain("IM1.;1");
  },
);

test("names a file whose name is not in UTF-8, because it cannot be opened", async () => {
  put("sub/a");
  writeFileSync(Buffer.concat([Buffer.from(join(folder, "sub/M")), Buffer.from([0xfc, 0x6c])]), "");
  await expect(list()).rejects.toMatchObject({
    code: "INPUT_NOT_FOUND",
    message: "M\ufffdl cannot be opened, because its name is not in UTF-8; rename it",
  });
});

test("follows links to files in the folder only", async () => {
  put("a");
  writeFileSync(join(scratch, "outside"), "");
  symlinkSync(join(folder, "a"), join(folder, "inside"));
  symlinkSync(join(scratch, "outside"), join(folder, "leaving"));
  symlinkSync(folder, join(folder, "loop"));
  symlinkSync(join(folder, "nothing"), join(folder, "dangling"));
  expect(await list()).toEqual(["a", "inside"]);
});
