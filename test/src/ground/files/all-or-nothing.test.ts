import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { allOrNothing, type StageFile } from "../../../../src/ground/files/all-or-nothing.js";

let folder = "";
const names = ["image.tar.gz", "image.spdx.json"];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "all-or-nothing-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function writeAll(stage: StageFile, text: string): void {
  for (const name of names) writeFileSync(stage(join(folder, name)), text);
}
const texts = (): readonly string[] =>
  readdirSync(folder)
    .sort()
    .map((name) => `${name}: ${readFileSync(join(folder, name), "utf8")}`);

describe("a build", () => {
  test("that fails keeps the files of an earlier one, and leaves none of its own", async () => {
    writeFileSync(join(folder, "image.tar.gz"), "earlier");
    const refused = allOrNothing("replace", (stage) => {
      writeAll(stage, "new");
      throw new Error("the registry refuses it");
    });
    await expect(refused).rejects.toThrow("the registry refuses it");
    expect(texts()).toEqual(["image.tar.gz: earlier"]);
  });

  test("replaces the files of an earlier one at its end", async () => {
    writeFileSync(join(folder, "image.tar.gz"), "earlier");
    const build = allOrNothing("replace", async (stage) => {
      writeAll(stage, "new");
      expect(readFileSync(join(folder, "image.tar.gz"), "utf8")).toBe("earlier");
      return 7;
    });
    expect(await build).toBe(7);
    expect(texts()).toEqual(["image.spdx.json: new", "image.tar.gz: new"]);
  });

  test("that keeps existing files puts none of its files in place if a name was taken in the meantime", async () => {
    const build = allOrNothing("keep", async (stage) => {
      writeAll(stage, "new");
      writeFileSync(join(folder, "image.spdx.json"), "of somebody else");
    });
    await expect(build).rejects.toMatchObject({ code: "OUTPUT_EXISTS", exitCode: 2 });
    expect(texts()).toEqual(["image.spdx.json: of somebody else"]);
  });

  test("gives the archive its name after the others, so that a kill in between leaves no archive alone", async () => {
    mkdirSync(join(folder, "image.spdx.json"));
    const build = allOrNothing("replace", async (stage) => {
      writeFileSync(stage(join(folder, "image.tar.gz"), "last"), "new");
      writeFileSync(stage(join(folder, "image.spdx.json")), "new");
    });
    await expect(build).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
    expect(readdirSync(folder)).toEqual(["image.spdx.json"]);
  });

  test("reports which name is that of a folder", async () => {
    const build = allOrNothing("replace", async (stage) => {
      writeFileSync(stage(folder), "new");
    });
    await expect(build).rejects.toThrow(folder);
    expect(texts()).toEqual([]);
  });
});
