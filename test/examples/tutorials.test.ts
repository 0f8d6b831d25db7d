import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { repositoryRoot } from "../support/golden.js";

let clone: string;

/** A folder with the parts of a clone that the tutorials name, set up already, and the command on the PATH. */
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "tutorial-"));
  for (const name of ["dist", "examples"]) symlinkSync(join(repositoryRoot, name), join(clone, name));
  mkdirSync(join(clone, "bin"));
  const command = join(clone, "bin", "build_processor");
  const program = join(repositoryRoot, "dist", "build_processor.js");
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
  chmodSync(command, 0o755);
  const run = `const { execFileSync } = require("node:child_process");
execFileSync(${JSON.stringify(command)}, process.argv.slice(2), { stdio: "inherit" });
`;
  writeFileSync(join(clone, "bin", "build_processor.js"), run);
  writeFileSync(join(clone, "package.json"), '{ "type": "commonjs", "scripts": { "setup": "true" } }');
});

afterEach(() => rmSync(clone, { recursive: true }));

test.each(["hippocampus", "prostate"])(
  "the commands of the %s tutorial, up to the training, print what the page shows",
  (name) => {
    const shown = stepsBeforeTraining(
      readFileSync(join(repositoryRoot, "docs", "tutorials", `${name}.md`), "utf8"),
    );
    expect(shown.length).toBeGreaterThan(6);
    const printed = outputs(shown.map(({ command }) => command));
    for (const [i, { command, lines }] of shown.entries()) {
      const there = lines.map((line) => line.replace("/home/me/tutorial", join(clone, "tutorial")));
      expect(inOrder(there, printed[i]!), `${command} printed\n${printed[i]!.join("\n")}`).toEqual(there);
    }
  },
);

interface Step {
  readonly command: string;
  /** What the page shows of its output. */
  readonly lines: readonly string[];
}

/** Returns the commands of the page's consoles before the first one that needs Python, in their order. */
function stepsBeforeTraining(page: string): readonly Step[] {
  const consoles = [...page.matchAll(/^```console\n(.*?)^```/gms)].map(([, text]) => text!);
  const steps = consoles
    .flatMap((text) => text.split(/^\$ /m).slice(1))
    .map((text) => {
      const [command, ...lines] = text.trimEnd().split("\n");
      return { command: command!, lines: lines.filter((line) => line !== "…" && line !== "") };
    });
  const training = steps.findIndex(({ command }) => /nnUNet_extTrainer|build_processor train/.test(command));
  return steps.slice(0, training);
}

/** Runs the commands in one shell, and returns the lines that each one printed. */
function outputs(commands: readonly string[]): readonly (readonly string[])[] {
  const mark = "--- the next command ---";
  const script = ["set -e", "exec 2>&1", ...commands.flatMap((command) => [command, `echo "${mark}"`])];
  const printed = execFileSync("bash", ["-c", script.join("\n")], {
    cwd: clone,
    encoding: "utf8",
    env: { ...process.env, PATH: `${join(clone, "bin")}:${process.env.PATH}` },
  });
  return printed.split(`${mark}\n`).map((text) => text.split("\n"));
}

/** Returns the wanted lines that come in this order among the printed ones. */
function inOrder(wanted: readonly string[], printed: readonly string[]): readonly string[] {
  let at = 0;
  return wanted.filter((line) => {
    const found = printed.indexOf(line, at);
    if (found >= 0) at = found + 1;
    return found >= 0;
  });
}
