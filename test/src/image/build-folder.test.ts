import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openBuildFolder } from "../../../src/build/build-folder.js";
import { tagOfKilledProcess } from "../../support/programs/killed-process.js";

describe("a build folder", () => {
  let parent: string;

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), "build-folder-"));
  });

  afterEach(() => rmSync(parent, { recursive: true }));

  test("is made with its parents, and removed with them", async () => {
    const folder = await openBuildFolder(join(parent, "a", "b", "build"));
    expect(folder.path).toBe(join(parent, "a", "b", "build"));
    writeFileSync(folder.place("Dockerfile"), "FROM scratch");
    await folder.remove();
    expect(readdirSync(parent)).toEqual([]);
  });

  test("that existed and was empty is kept and emptied", async () => {
    const path = join(parent, "build");
    mkdirSync(path);
    const folder = await openBuildFolder(path);
    expect(folder.path).toBe(path);
    mkdirSync(folder.place("converted"));
    await folder.remove();
    expect(readdirSync(path)).toEqual([]);
  });

  test("with files of its own is not touched: the build uses a new folder in it", async () => {
    const path = join(parent, "build");
    mkdirSync(path);
    writeFileSync(join(path, "precious.txt"), "mine");
    const folder = await openBuildFolder(path);
    expect(dirname(folder.path)).toBe(path);
    writeFileSync(folder.place("Dockerfile"), "FROM scratch");
    await folder.remove();
    expect(readdirSync(path)).toEqual(["precious.txt"]);
    expect(readFileSync(join(path, "precious.txt"), "utf8")).toBe("mine");
  });

  test("belongs to one build alone, even if two run at the same time", async () => {
    const path = join(parent, "build");
    const folders = await Promise.all([openBuildFolder(path), openBuildFolder(path), openBuildFolder(path)]);
    expect(new Set(folders.map((folder) => folder.path)).size).toBe(3);
    for (const folder of folders) await folder.remove();
    expect(existsSync(path) ? readdirSync(path) : []).toEqual([]);
  });

  test("keeps files that another program writes there during the build", async () => {
    const path = join(parent, "build");
    const folder = await openBuildFolder(path);
    writeFileSync(join(path, "notes.txt"), "mine");
    await folder.remove();
    expect(readdirSync(path)).toEqual(["notes.txt"]);
  });

  test("is cleared of what killed builds have left, and of nothing else", async () => {
    const path = join(parent, "build");
    const killed = await tagOfKilledProcess();
    for (const folder of [path, join(path, "processor-abc")]) {
      mkdirSync(join(folder, "converted", "fold_0"), { recursive: true });
      writeFileSync(join(folder, ".build_processor"), `${killed}\nconverted\n../precious\n`);
      mkdirSync(join(folder, `.partial-${killed}-0123abcd`));
    }
    for (const name of ["precious", join("build", "notes.txt")]) writeFileSync(join(parent, name), "mine");
    const folder = await openBuildFolder(path);
    expect(readdirSync(path)).toEqual(["notes.txt", basename(folder.path)].sort());
    await folder.remove();
    expect(readdirSync(path)).toEqual(["notes.txt"]);
    expect(readdirSync(parent).sort()).toEqual(["build", "precious"]);
  });

  test("that a build has kept is not removed, whether its process ended or was killed", async () => {
    const path = join(parent, "build");
    const kept = await openBuildFolder(path);
    mkdirSync(kept.place("fold_0"));
    await kept.keep();
    const next = await openBuildFolder(path);
    expect(dirname(next.path)).toBe(path);
    await next.remove();
    expect(readdirSync(path).sort()).toEqual([".build_processor", "fold_0"]);
    expect(readFileSync(join(path, ".build_processor"), "utf8")).toBe("");
  });

  test("of a killed build is used by the next one", async () => {
    const path = join(parent, "build");
    mkdirSync(join(path, "converted"), { recursive: true });
    writeFileSync(join(path, ".build_processor"), `${await tagOfKilledProcess()}\nconverted\n`);
    const folder = await openBuildFolder(path);
    expect(folder.path).toBe(path);
    await folder.remove();
  });

  test("under a file is OUTPUT_UNWRITABLE, naming it", async () => {
    writeFileSync(join(parent, "file"), "");
    await expect(openBuildFolder(join(parent, "file", "build"))).rejects.toMatchObject({
      code: "OUTPUT_UNWRITABLE",
      message: expect.stringContaining(join(parent, "file", "build")),
    });
  });
});
