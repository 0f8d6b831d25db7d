import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { shellWord } from "../../../src/ground/shell-word.js";

test.each(["model/plans.json", "Müller", "Dr. Müller's scans", "a$HOME`b`", 'say "x"', "a;b", "~x", ""])(
  "a shell reads %j as one word",
  (text) => {
    const { stdout } = spawnSync("sh", ["-c", `printf %s ${shellWord(text)}`], { encoding: "utf8" });
    expect(stdout).toBe(text);
  },
);

test("a usual path stays as it is", () => {
  expect(shellWord("models/Dataset004_Liver/team-liver-1.tar.gz")).toBe(
    "models/Dataset004_Liver/team-liver-1.tar.gz",
  );
});
