import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { writeImage } from "../../../../processor/imaging/formats/write-image.js";
import type { Image } from "../../../../processor/imaging/volume/image.js";
import { amosSimulation } from "../../../../src/targets/amos22/simulation.js";
import { grandChallengeSimulation } from "../../../../src/targets/grand-challenge/simulation.js";
import { type LintOptions, lintOutput } from "../../../../src/targets/simulate/lint-output.js";
import { testImage } from "../../../support/images/test-image.js";
import { scratchFolder } from "../../../support/oci/oci-scratch.js";

const image = testImage([2, 3, 4]);
const labels = Uint8Array.from({ length: 24 }, (_, i) => (i < 6 ? 1 : 0));
const answer: Image = { ...image, voxels: labels };

/** Looks at files of an output folder, images and texts, for one case `a`. */
async function lint(files: Readonly<Record<string, Image | string>>, more: Partial<LintOptions> = {}) {
  const [input, folder] = [scratchFolder(), scratchFolder()];
  const source = join(input, "a_0000.nii.gz");
  await writeImage(image, source);
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    if (typeof content === "string") writeFileSync(path, content);
    else await writeImage(content, path);
  }
  const cases = [{ name: "a", images: [source], expected: null }];
  const rules = grandChallengeSimulation.output;
  const linted = await lintOutput({
    folder,
    cases,
    rules,
    labels: [0, 1],
    minDice: 0.99,
    departures: [],
    ...more,
  });
  const failed = linted.findings.filter(({ result }) => result === "fail");
  return { ...linted, failed, checks: failed.map(({ check }) => check) };
}

const right = "images/organ/x.mha";

describe("an output for grand-challenge", () => {
  test("passes with one 8-bit image in each folder, on the input's grid, and with valid JSON", async () => {
    const { findings, segmentations } = await lint({ [right]: answer, "volumes.json": '{"organ": 1}' });
    expect(findings.filter(({ result }) => result !== "pass")).toEqual([]);
    expect(segmentations[0]!.labels.map(({ label, voxels }) => [label, voxels])).toEqual([
      [0, 18],
      [1, 6],
    ]);
  });

  test.each<[string, Readonly<Record<string, Image | string>>, readonly string[]]>([
    ["nothing", {}, ["layout"]],
    ["an image beside the sockets' folders", { "images/x.mha": answer }, ["layout"]],
    ["two images in a folder", { [right]: answer, "images/organ/y.mha": answer }, ["layout"]],
    ["NIfTI", { "images/organ/x.nii.gz": answer }, ["layout"]],
    ["16 bit", { [right]: { ...answer, voxels: Uint16Array.from(labels) } }, ["eight-bit"]],
    ["a label that nobody knows", { [right]: { ...answer, voxels: labels.map((v) => v * 7) } }, ["labels"]],
    ["another place", { [right]: moved([3.5, -20.25, 100.1]) }, ["geometry"]],
    ["NaN", { [right]: answer, "a.json": '{"volume": NaN}' }, ["json"]],
    ["Infinity", { [right]: answer, "deep/a.json": "[-Infinity]" }, ["json"]],
    ["half a JSON", { [right]: answer, "a.json": '{"volume": ' }, ["json"]],
    ["a file that is not an image", { [right]: "ObjectType = Image\n" }, ["readable"]],
  ])("fails with %s", async (_, files, checks) => {
    const found = await lint(files);
    expect(found.checks).toEqual(checks);
    for (const { remedy } of found.failed) expect(remedy).toMatch(/[.]$/);
  });

  test("may contain NaN in a text", async () => {
    expect((await lint({ [right]: answer, "a.json": '["NaN", "not NaN at all"]' })).checks).toEqual([]);
  });

  test("may differ from the input's geometry by less than its digits", async () => {
    expect((await lint({ [right]: moved([3.5000001, -20.25, 100]) })).checks).toEqual([]);
  });

  test("is compared with the right answer label by label", async () => {
    const expected = join(scratchFolder(), "a.nii.gz");
    await writeImage({ ...image, voxels: labels.map((v, i) => (i < 3 ? v : 0)) }, expected);
    const cases = [{ name: "a", images: [], expected }];
    const { checks, segmentations } = await lint({ [right]: answer }, { cases });
    expect(checks).toEqual(["expected"]);
    // 3 voxels of 6 and of 3: 2 · 3 / 9.
    expect(segmentations[0]!.labels[1]).toEqual({ label: 1, voxels: 6, expectedVoxels: 3, dice: 2 / 3 });
    expect((await lint({ [right]: answer }, { cases, minDice: 0.6 })).checks).toEqual([]);
    const { failed } = await lint({ [right]: answer }, { cases, departures: ["mirroring is off"] });
    expect(failed[0]!.reason).toMatch(/^a: 1: Dice 0\.6667, 6 of 3 voxels; Dice must be 0\.99 or more/);
    expect(failed[0]!.remedy).toContain("does not use nnU-Net's defaults: mirroring is off.");
  });
});

describe("an output for AMOS22", () => {
  const rules = amosSimulation.output;

  test("has the input's own name", async () => {
    expect((await lint({ "a_0000.nii.gz": answer }, { rules })).checks).toEqual([]);
    expect((await lint({ "a.nii.gz": answer }, { rules })).checks).toEqual(["layout"]);
  });
});

function moved(originMmXyz: readonly [number, number, number]): Image {
  return { ...answer, geometry: { ...image.geometry, originMmXyz } };
}
