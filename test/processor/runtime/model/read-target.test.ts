import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readTarget } from "../../../../processor/runtime/model/read-target.js";

let file = "";
beforeEach(() => {
  file = join(mkdtempSync(join(tmpdir(), "target-")), "target.json");
});
afterEach(() => rmSync(join(file, ".."), { recursive: true }));

test("an image without a target file has the plain target", async () => {
  expect(await readTarget(file)).toEqual({ kind: "plain" });
});

test.each([
  ["another version", { targetVersion: 2 }, /targetVersion is 2; this version of the program reads 1/],
  ["no version", {}, /targetVersion is missing/],
  [
    "a version that has no text",
    { targetVersion: { toString: 1 } },
    /targetVersion should be a whole number/,
  ],
  ["an unknown kind", { targetVersion: 1, target: { kind: "x" } }, /target\.kind should be one of/],
])("a target file with %s is refused", async (_, content, message) => {
  writeFileSync(file, JSON.stringify(content));
  await expect(readTarget(file)).rejects.toMatchObject({
    code: "MANIFEST_INVALID",
    message: expect.stringMatching(message),
  });
});
