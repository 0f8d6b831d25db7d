import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseManifest, readManifest } from "../../../../processor/runtime/batch/batch-manifest.js";
import { secondsLeft } from "../../../../processor/runtime/batch/batch-status.js";
import { manifestText, planManifest } from "../../../../processor/runtime/batch/plan-manifest.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "manifest-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const parse = (...lines: readonly string[]) => parseManifest(lines.join("\n"), "cases.jsonl", "/data");

describe("a manifest", () => {
  test("gives each case its inputs, from the manifest's own folder, and its output", () => {
    const { cases } = parse(
      '{"case": "a", "inputs": ["a_0000.nii.gz", "/other/a_0001.nii.gz"]}',
      "",
      '{"case": "b", "dicom": "series/b", "output": "lung/b.mha"}',
    );
    expect(cases).toMatchObject([
      {
        name: "a",
        inputs: [
          { kind: "file", path: "/data/a_0000.nii.gz" },
          { kind: "file", path: "/other/a_0001.nii.gz" },
        ],
        output: "a.nii.gz",
      },
      { name: "b", inputs: [{ kind: "dicom", path: "/data/series/b" }], output: "lung/b.mha" },
    ]);
  });

  test.each([
    { wrong: "{", says: "line 1 is not JSON" },
    { wrong: "[]", says: "line 1 should be an object" },
    { wrong: '{"inputs": ["a"]}', says: "line 1 case is missing" },
    { wrong: '{"case": "a"}', says: "either inputs or dicom" },
    { wrong: '{"case": "a", "inputs": ["a"], "ouput": "b.mha"}', says: "did you mean output?" },
    { wrong: '{"case": "../a", "inputs": ["a"]}', says: "not a file name" },
    { wrong: '{"case": ".a", "inputs": ["a"]}', says: "not a file name" },
    { wrong: '{"case": "a", "inputs": ["a"], "output": "../a.nii.gz"}', says: "not a path below" },
    { wrong: '{"case": "a", "inputs": ["a"], "output": "/etc/a.nii.gz"}', says: "not a path below" },
    { wrong: '{"case": "a", "inputs": ["a"], "output": "a.txt"}', says: "should end as an image does" },
    { wrong: "", says: "it has no case" },
  ])("with $wrong is refused: $says", ({ wrong, says }) => {
    expect(() => parse(wrong)).toThrow(says);
  });

  test("names all its problems at once", () => {
    const line = '{"case": "a", "inputs": ["a"]}';
    expect(() => parse(line, "no", line, '{"case": "b", "inputs": ["b"], "output": "a.mha"}')).toThrow(
      /line 2 is not JSON\n.*line 3 has the case a of line 1 again\n.*line 4 has the output a.mha of line 3 again/,
    );
  });
});

describe("planning", () => {
  const image = (name: string): void => writeFileSync(join(folder, name), "");
  const plan = (channelNames: readonly string[] | null = null) =>
    planManifest({ inputs: [folder], channelNames, folder });

  test("writes the cases of a folder by name, with paths from the manifest's folder", async () => {
    for (const name of ["b_0000.nii.gz", "b_0001.nii.gz", "a_0001.nii.gz", "a_0000.nii.gz"]) image(name);
    expect(manifestText(await plan())).toBe(
      '{"case":"a","inputs":["a_0000.nii.gz","a_0001.nii.gz"]}\n{"case":"b","inputs":["b_0000.nii.gz","b_0001.nii.gz"]}\n',
    );
  });

  test("names every case with a missing channel at once", async () => {
    for (const name of ["a_0000.nii", "b_0000.nii", "b_0001.nii", "c_0000.nii"]) image(name);
    await expect(plan()).rejects.toThrow(/a has 1 channel .*\n.*c has 1 channel/);
  });

  test("refuses two files that are the same channel of a case", async () => {
    for (const name of ["a_0000.nii", "a_0000.nii.gz"]) image(name);
    await expect(plan()).rejects.toMatchObject({ code: "INPUT_AMBIGUOUS" });
  });

  test("takes each folder of DICOM files as a series", async () => {
    for (const name of ["second", "first"]) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "1.dcm"), Buffer.concat([Buffer.alloc(128), Buffer.from("DICM")]));
    }
    expect(manifestText(await plan(["CT"]))).toBe(
      '{"case":"first","dicom":"first"}\n{"case":"second","dicom":"second"}\n',
    );
  });

  test("plans and reads 10,000 cases in less than two seconds of this process's time", async () => {
    for (let i = 0; i < 10_000; i++) image(`case_${String(i).padStart(5, "0")}_0000.nii.gz`);
    const before = process.cpuUsage();
    const text = manifestText(await plan(["CT"]));
    const { cases } = parseManifest(text, "cases.jsonl", folder);
    const { user, system } = process.cpuUsage(before);
    expect(cases).toHaveLength(10_000);
    expect((user + system) / 1e6).toBeLessThan(2);
  });
});

test("a manifest that is missing is named", async () => {
  await expect(readManifest(join(folder, "none.jsonl"))).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
});

test("a batch of more cases than arguments of a function can be knows how long it still takes", () => {
  const record = (i: number) => ({
    state: "done" as const,
    attempts: [],
    ended: new Date(Date.UTC(2026, 0, 1) + i * 1000).toISOString(),
  });
  const records = Array.from({ length: 200_001 }, (_, i) => record(i));
  expect(secondsLeft(records, 1000)).toBeCloseTo(1000, 0);
});
