import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../support/golden.js";

/** Runs a program in a process that says that its Node has another version. */
function runWithNode(version: string, [program, ...args]: readonly [string, ...string[]]) {
  const faked = `Object.defineProperty(process, "version", { value: "${version}" });`;
  const preload = `data:text/javascript,${encodeURIComponent(faked)}`;
  return spawnSync(process.execPath, ["--import", preload, join(repositoryRoot, program), ...args], {
    encoding: "utf8",
  });
}

const programs = [
  { name: "the command", command: ["bin/build_processor.js", "--version"] },
  { name: "the compiled command", command: ["dist/build_processor.js", "--version"] },
  { name: "the program in an image", command: ["dist/processor/runtime/main.js", "--version"] },
  { name: "set-up", command: ["setup.mjs"] },
] as const;

test.each(programs)("$name says how to get Node when it is older than 20.19", ({ command }) => {
  for (const version of ["v18.20.8", "v20.18.3"]) {
    const { status, stdout, stderr } = runWithNode(version, command);
    expect(stderr).toBe(
      `NODE_TOO_OLD: nnunet-processor needs Node 20.19 or newer, but this is Node ${version.slice(1)}. Install the current LTS from https://nodejs.org. On a cluster, \`module avail node\` may list it. Without administrator rights, unpack the archive from https://nodejs.org into your home folder and put its bin folder first in PATH.\n`,
    );
    expect({ status, stdout }).toEqual({ status: 5, stdout: "" });
  }
});

test.each(programs.filter(({ command }) => command.length > 1))(
  "$name starts with Node 20.19",
  ({ command }) => {
    const { status, stdout } = runWithNode("v20.19.0", command);
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  },
);
