import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../../../../src/cli/main.js";
import { goldenPath } from "../../../support/golden.js";
import { type TestTerminal, testTerminal } from "../../../support/programs/test-terminal.js";

let folder: string;
let terminal: TestTerminal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "evaluate-"));
  cpSync(goldenPath("tools", "evaluation", "labels"), folder, { recursive: true });
  terminal = testTerminal(folder);
});
afterEach(() => rmSync(folder, { recursive: true }));

const evaluate = (...words: readonly string[]): Promise<number> =>
  main(["evaluate", "gt", "pred", "--labels", "1", "2", ...words], terminal);

/** The fields of scores.csv after its heads. */
const scores = (): readonly (readonly string[])[] =>
  readFileSync(join(folder, "scores.csv"), "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","));

test("prints nnU-Net's two means of each label", async () => {
  expect(await evaluate()).toBe(0);
  expect(terminal.printed.out).toMatch(/^ {2}label +Dice +IoU\n {2}1 +[\d.]{6} +[\d.]{6}\n/m);
});

test("prints the means of the surface distances, too, over the cases that have a value", async () => {
  expect(await evaluate("--surface-distances", "--csv", "scores.csv")).toBe(0);
  const present = scores()
    .filter(([, label, ...values]) => label === "1" && values.at(-2) !== "")
    .map((fields) => Number(fields.at(-2)));
  const mean = present.reduce((sum, value) => sum + value, 0) / present.length;
  expect(present.length).toBeGreaterThan(0);
  expect(terminal.printed.out).toContain("Dice     IoU  HD95_mm  surface_Dice\n");
  expect(terminal.printed.out).toMatch(new RegExp(`^ {2}1 .* ${mean.toFixed(4)} `, "m"));
});

test("writes a page whose tables have the same columns and scroll in a narrow window", async () => {
  expect(await evaluate("--surface-distances", "--csv", "scores.csv", "--html", "report.html")).toBe(0);
  const page = readFileSync(join(folder, "report.html"), "utf8");
  const heads = [...page.matchAll(/<th scope="col">([^<]*)</g)].map(([, head]) => head);
  expect(heads.slice(0, 5)).toEqual(["label", "Dice", "IoU", "HD95_mm", "surface_Dice"]);
  expect(page.match(/<div tabindex="0" role="group" aria-label="(?:Means|Cases)"><table>/g)).toHaveLength(2);
  expect(page).toMatch(/<main>.*<\/main>/s);
  expect(page.match(/<tr><td>/g)).toHaveLength(2 + scores().length);
});
