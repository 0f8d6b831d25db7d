import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { allOrNothing } from "../../../src/publish/all-or-nothing.js";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "all-or-nothing-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe("a build", () => {
  test("that fails takes away what it has put in place, and nothing else", async () => {
    writeFileSync(join(folder, "earlier.tar.gz"), "of another build");
    const refused = allOrNothing(async (onWritten) => {
      for (const name of ["image.tar.gz", "image.spdx.json"]) {
        writeFileSync(join(folder, name), "whole");
        onWritten(join(folder, name));
      }
      throw new Error("the registry refuses it");
    });
    await expect(refused).rejects.toThrow("the registry refuses it");
    expect(readdirSync(folder)).toEqual(["earlier.tar.gz"]);
  });

  test("that succeeds keeps it", async () => {
    const path = join(folder, "image.tar.gz");
    const build = allOrNothing(async (onWritten) => {
      writeFileSync(path, "whole");
      onWritten(path);
      return 7;
    });
    expect(await build).toBe(7);
    expect(existsSync(path)).toBe(true);
  });
});
