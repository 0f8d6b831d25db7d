import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "vitest";
import { repositoryRoot } from "../support/golden.js";
import { needs, testWith } from "../support/needs.js";

testWith(
  [needs.posix],
  "Ctrl-C ends `npm start` at once, with the message of the command that it stopped",
  { timeout: 60_000 },
  async () => {
    const start = spawn(process.execPath, [join(repositoryRoot, "dist", "examples", "start.js")], {
      env: { ...process.env, DOCKER_HOST: "unix:///nonexistent/docker.sock" },
    });
    const printed = { out: "", err: "" };
    let commandsBefore = 0;
    const commands = () => printed.out.match(/^\$ npx/gm)?.length ?? 0;
    start.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed.out += text;
    });
    start.stderr.setEncoding("utf8").on("data", (text: string) => {
      // The first line on stderr shows that a command runs, and listens to signals.
      if (printed.err === "") {
        commandsBefore = commands();
        start.kill("SIGINT");
      }
      printed.err += text;
    });
    const [code] = await once(start, "close");
    expect(printed.err).toMatch(/SIGINT: stopping and cleaning up …\nerror INTERRUPTED: [^\n]+\n[^\n]+\n$/);
    expect(commands()).toBe(commandsBefore);
    expect(code).toBe(130);
  },
);
