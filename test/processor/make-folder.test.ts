import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { makeFolder } from "../../processor/files/make-folder.js";
import { needs, testWith } from "../support/needs.js";

const scratch = mkdtempSync(join(tmpdir(), "make-folder-"));
afterAll(() => rmSync(scratch, { recursive: true }));

describe("a folder is made", () => {
  test("with its parents, and says which was the first", async () => {
    const path = join(scratch, "a", "b", "c");
    expect(await makeFolder(path)).toBe(join(scratch, "a"));
    expect(statSync(path).isDirectory()).toBe(true);
    expect(await makeFolder(path)).toBeUndefined();
  });

  test("by several callers at the same time", async () => {
    const path = join(scratch, "many", "b", "c");
    await Promise.all(Array.from({ length: 10 }, () => makeFolder(path)));
    expect(statSync(path).isDirectory()).toBe(true);
  });

  testWith([needs.linux], "never below /proc, without trying forever", async () => {
    await expect(makeFolder("/proc/x/y")).rejects.toMatchObject({
      code: "OUTPUT_UNWRITABLE",
      message: expect.stringContaining("/proc/x"),
    });
  });

  test.each([
    ["where a file is", "file"],
    ["below a file", "file/below/it"],
  ])("but not %s, which is named", async (_, path) => {
    writeFileSync(join(scratch, "file"), "");
    await expect(makeFolder(join(scratch, path))).rejects.toMatchObject({
      code: "OUTPUT_UNWRITABLE",
      message: `${join(scratch, "file")} is a file, not a folder`,
    });
  });

  test("except where a link leads nowhere", async () => {
    symlinkSync(join(scratch, "gone"), join(scratch, "link"));
    await expect(makeFolder(join(scratch, "link"))).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
  });
});
