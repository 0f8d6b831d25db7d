import { expect, test } from "vitest";
import type { ProgressTaskOptions } from "../../../processor/contract/progress/progress.js";
import { progressLine, terminalProgress } from "../../../src/cli/terminal-progress.js";
import { testTerminal } from "../../support/programs/test-terminal.js";

const at = { done: 4, seconds: 30 };
const task = (label: string): ProgressTaskOptions => ({ label, total: 24, unit: "windows" });
const numbers = "4 of 24 windows (16 %), 3 min left";

test.each([
  { name: "a wide terminal", columns: 120, label: "3/40 mr_008: predicting", says: numbers },
  {
    name: "80 columns",
    columns: 80,
    label: "3/40 mr_008: predicting",
    says: `mr_008: predicting ${numbers}`,
  },
  {
    name: "80 columns and a long name",
    columns: 80,
    label: "3/40 case_with_a_rather_long_hospital_name_2: predicting",
    says: `predicting ${numbers}`,
  },
  { name: "40 columns", columns: 40, label: "3/40 mr_008: predicting", says: numbers },
])("on $name the numbers are whole", ({ columns, label, says }) => {
  const line = progressLine(task(label), at, columns - 1);
  expect(line.length).toBeLessThanOrEqual(columns - 1);
  expect(line).toContain(says);
  expect(line.includes("█")).toBe(columns >= 80);
  if (columns >= 80) expect(line).toContain("3/40");
});

test("the remaining time changes even while nothing advances", () => {
  let [clock, tick] = [0, () => {}];
  const repeat = (callback: () => void) => {
    tick = callback;
    return () => {
      tick = () => {};
    };
  };
  const terminal = { ...testTerminal("/"), isInteractive: true, now: () => clock, repeat };
  const running = terminalProgress(terminal).start(task("a"));
  clock = 4000;
  running.advance(12);
  expect(terminal.printed.err).toContain("(50 %), 4 s left");
  clock = 6000;
  tick();
  expect(terminal.printed.err).toContain("(50 %), 2 s left");
  running.done();
  const { length } = terminal.printed.err;
  tick();
  expect(terminal.printed.err.length).toBe(length);
});

test("a long note is wrapped between words on a terminal, and stays one line in a log", () => {
  const note = `taking Debian's packages with apt, because ${"no registry answers, ".repeat(4)}at all`;
  const terminal = { ...testTerminal("/here"), columns: 80 };
  terminalProgress({ ...terminal, isInteractive: true }).note(note);
  const lines = terminal.printed.err.replaceAll("\r\u001b[2K", "").trimEnd().split("\n");
  expect(lines.every((line) => line.length <= 80)).toBe(true);
  expect(lines.join(" ")).toBe(note);
  terminal.printed.err = "";
  terminalProgress({ ...terminal, isInteractive: false }).note(note);
  expect(terminal.printed.err).toBe(`${note}\n`);
});
