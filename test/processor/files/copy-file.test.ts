import { linkSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { copyFileWhole } from "../../../processor/files/copy-file.js";

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "copy-file-"));
});
afterEach(() => rmSync(scratch, { recursive: true }));

test("an existing file is replaced as a whole, and is never written in place", async () => {
  const [source, target, link] = ["source", "target", "link"].map((name) => join(scratch, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(source, "new");
  writeFileSync(target, "old");
  linkSync(target, link);
  await copyFileWhole(source, target);
  expect(readFileSync(target, "utf8")).toBe("new");
  expect(readFileSync(link, "utf8")).toBe("old");
});

test("a missing source is named, the target stays as it was, and nothing is left beside it", async () => {
  const target = join(scratch, "target");
  writeFileSync(target, "old");
  await expect(copyFileWhole(join(scratch, "missing"), target)).rejects.toMatchObject({
    code: "INPUT_NOT_FOUND",
  });
  expect(readdirSync(scratch)).toEqual(["target"]);
  expect(readFileSync(target, "utf8")).toBe("old");
});
