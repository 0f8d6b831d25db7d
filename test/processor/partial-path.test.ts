import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { newPartialPath, partialPathNextTo } from "../../processor/files/partial-path.js";
import { processTag } from "../../processor/files/process-tag.js";
import { writeFileWhole } from "../../processor/files/write-file.js";
import { tagOfKilledProcess } from "../support/programs/killed-process.js";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "partial-path-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const names = (): readonly string[] => readdirSync(folder).sort();
const hoursAgo = (hours: number): Date => new Date(Date.now() - hours * 3_600_000);

describe("the first file that is written in a folder", () => {
  test("removes files and folders that a killed process has left next to it", async () => {
    const killed = await tagOfKilledProcess();
    writeFileSync(join(folder, `.partial-${killed}-01234567`), "half");
    writeFileSync(join(folder, `.partial-${killed}-01234567.scratch`), "half");
    mkdirSync(join(folder, `.partial-${killed}-89abcdef`, "fold_0"), { recursive: true });
    await writeFileWhole(join(folder, "case.nii.gz"), [Buffer.from("voxels")]);
    expect(names()).toEqual(["case.nii.gz"]);
  });

  test("keeps what a running process writes, and files with other names", async () => {
    const living = basename(newPartialPath(join(folder, "x")));
    const foreign = [".partial-mine", ".partial-0123456789abcdef", "partial"];
    for (const name of [living, ...foreign]) writeFileSync(join(folder, name), "half");
    utimesSync(join(folder, living), hoursAgo(9000), hoursAgo(9000));
    await partialPathNextTo(join(folder, "case.nii.gz"));
    expect(names()).toEqual([living, ...foreign].sort());
  });

  test("treats a process of another machine or container as running for a week", async () => {
    const [recent, old] = ["00000000", "11111111"].map((end) => `.partial-0123456789ab-1-1-${end}`);
    for (const name of [recent!, old!]) writeFileSync(join(folder, name), "half");
    utimesSync(join(folder, recent!), hoursAgo(6 * 24), hoursAgo(6 * 24));
    utimesSync(join(folder, old!), hoursAgo(8 * 24), hoursAgo(8 * 24));
    await partialPathNextTo(join(folder, "case.nii.gz"));
    expect(names()).toEqual([recent]);
  });

  test("distinguishes a process from a later one with the same id", async () => {
    const [machine] = processTag().split("-");
    const earlier = `.partial-${machine}-${process.pid}-1-01234567`;
    writeFileSync(join(folder, earlier), "half");
    await partialPathNextTo(join(folder, "case.nii.gz"));
    expect(names()).toEqual([]);
  });

  test("is written even if the folder cannot be listed", async () => {
    await expect(partialPathNextTo(join(folder, "missing", "x"))).resolves.toContain("missing");
  });
});
