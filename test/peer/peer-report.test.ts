import { expect, test } from "vitest";
import { updatedPage } from "./peer-report.js";

const report = {
  name: "kill",
  what: "killed commands",
  date: "2026-01-31",
  versions: "Node 24.0.0",
  minutes: 9.96,
  result: "0 faults",
};

test("a comparison's row on the page of peers is replaced by its next run, and the others stay", () => {
  const first = updatedPage("", [report, { ...report, name: "fuzz" }]);
  expect(first).toContain("| kill | killed commands | 2026-01-31 | Node 24.0.0 | 10.0 | 0 faults |\n");
  const second = updatedPage(first, [{ ...report, result: "1 fault" }]);
  expect(second).toBe(first.replace("0 faults", "1 fault"));
});
