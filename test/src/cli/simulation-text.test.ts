import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { simulationText } from "../../../src/cli/simulation-text.js";
import { fail, notChecked, pass } from "../../../src/ground/finding.js";
import type { SimulationReport } from "../../../src/targets/simulate/simulate.js";

const labels = [
  { label: 0, voxels: 90, expectedVoxels: 90, dice: 1 },
  { label: 1, voxels: 10, expectedVoxels: 11, dice: 0.9524 },
];

const phase = (name: string) => ({
  phase: name,
  seconds: 12.34,
  peakMemoryBytes: 2 ** 30,
  findings: [
    fail("expected", "a: 1: Dice 0.9524, 10 of 11 voxels; Dice must be 0.99 or more", "Mirroring is off."),
    pass("geometry", `a: size, spacing, origin and direction of the input`),
    pass("exit", `exit code 0 after ${name.length} s`),
  ],
  segmentations: [{ caseName: "a", path: `images/organ/0b5a7c4e-0000-4000-8000-${name}.mha`, labels }],
  log: ["the network runs on CPUExecutionProvider"],
});

const report: SimulationReport = {
  image: "team/liver:1",
  imageId: `sha256:${"0123456789abcdef".repeat(4)}`,
  target: "grand-challenge",
  engine: "Docker 28.2.2 at unix:///var/run/docker.sock",
  ...{ memoryBytes: 2 ** 33, peakMemoryBytes: 2 ** 30, isAccepted: false },
  findings: [
    pass("user", "the image runs as 1000:1000"),
    pass("config-name", `blobs/sha256/${"0123456789abcdef".repeat(4)}`),
    notChecked("gpu", "this run had no GPU"),
  ],
  phases: [phase("exec"), phase("invoke-1")],
};

test("the text of a simulation shows each check once, and failures last", () => {
  const text = simulationText(report, { hasColour: false, columns: 80 });
  expect(text.match(/ geometry /g)).toHaveLength(1);
  expect(text.match(/ expected /g)).toHaveLength(1);
  expect(text).toContain("a  label 1: 10 voxels, Dice 0.9524  (exec, invoke-1)\n");
  expect(text).not.toContain("0b5a7c4e");
  expect(text).not.toContain("\u001b");
  const lines = text.trimEnd().split("\n");
  expect(lines.at(-2)).toMatch(/^fail +expected +a: 1: Dice 0\.9524.* \(exec, invoke-1\)$/);
  expect(lines.at(-1)).toMatch(/^ +Mirroring is off\.$/);
});

test("on a terminal results are coloured and every line fits", () => {
  const text = simulationText(report, { hasColour: true, columns: 80 });
  expect(text).toContain("\u001b[31mfail");
  expect(text).toContain("\u001b[32mpass");
  const widths = text.split("\n").map((line) => stripVTControlCharacters(line).length);
  expect(Math.max(...widths)).toBeLessThanOrEqual(80);
});
