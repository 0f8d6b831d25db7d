// `npm run watch [-- --project unit]`: compiles what changes, and runs the tests that the change touches.
import { spawn } from "node:child_process";
import { join } from "node:path";

const modules = join(import.meta.dirname, "..", "node_modules");
const compiler = ["typescript/bin/tsc", "-b", "--watch", "--preserveWatchOutput"];
const tests = ["vitest/vitest.mjs", "watch", ...process.argv.slice(2)];

const programs = [compiler, tests].map(([file, ...args]) =>
  spawn(process.execPath, [join(modules, file), ...args], { stdio: "inherit" }),
);
// The terminal sends Ctrl-C to both programs, but the key q ends only Vitest.
for (const program of programs)
  program.once("exit", (code) => {
    for (const other of programs) other.kill();
    process.exitCode ??= code ?? 0;
  });
