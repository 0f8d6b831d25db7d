// Makes a fresh clone ready: packages installed exactly as locked, TypeScript compiled.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const modules = join(root, "node_modules");
const stamp = join(modules, ".nnunet-processor-lock");
const program = join(root, "dist", "build_processor.js");
const turn = join(root, ".setup-lock");

/** Whether the program can run: compiled, with the packages that the lock file names. */
export function isSetUp() {
  if (existsSync(turn) || !existsSync(program) || !existsSync(modules)) return false;
  // Packages that somebody installed by hand bear no stamp.
  return !existsSync(stamp) || readFileSync(stamp, "utf8") === lockDigest();
}

/** Installs and compiles what is missing. The standard output is the caller's own where `isQuiet`. */
export function setUp({ isQuiet = false } = {}) {
  requireNode();
  const say = isQuiet ? console.error : console.log;
  const output = isQuiet ? 2 : "inherit";
  takeTurn(say);
  try {
    if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lockDigest()) {
      say("setup: installing packages (once) …");
      // A build by another lock file may hold files whose sources are gone.
      rmSync(join(root, "dist"), { recursive: true, force: true });
      run(process.platform === "win32" ? "npm.cmd" : "npm", [
        ...["ci", "--no-audit", "--no-fund", "--loglevel=error"],
      ]);
      writeFileSync(stamp, lockDigest());
    }
    if (!existsSync(program)) say("setup: compiling …");
    run(process.execPath, [join(modules, "typescript", "bin", "tsc"), "-b"]);
    linkCommand();
  } finally {
    rmSync(turn, { force: true });
  }

  function run(command, args) {
    const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["inherit", output, 2] });
    if (error) console.error(`setup: ${command} could not be started: ${error.message}`);
    if (status === 0) return;
    rmSync(turn, { force: true });
    console.error("setup: it did not finish; `npm run setup` in the clone tries again");
    process.exit(status ?? 1);
  }
}

function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(
    `Node ${process.versions.node} is too old: nnunet-processor needs Node 20.19 or newer (current LTS recommended).`,
  );
  process.exit(2);
}

const lockDigest = () =>
  createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");

/** Two commands at once in a fresh clone: the second waits for the first one's installation. */
function takeTurn(say) {
  for (let isTold = false; ; isTold = true) {
    try {
      writeFileSync(turn, `${process.pid}`, { flag: "wx" });
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (!isTurnTaken()) {
      rmSync(turn, { force: true });
      continue;
    }
    if (!isTold) say("setup: waiting for another one in this folder …");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  }
}

/** Whether the process that began to set up is still at it: one that was killed leaves its file. */
function isTurnTaken() {
  try {
    const pid = Number(readFileSync(turn, "utf8"));
    if (pid === 0) return Date.now() - statSync(turn).mtimeMs < 5000; // its owner is just writing it
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** For npx that met the clone when its command was not there yet: it looks here too. */
function linkCommand() {
  const link = join(modules, ".bin", "build_processor");
  if (process.platform === "win32" || existsSync(link)) return;
  rmSync(link, { force: true });
  symlinkSync(join("..", "..", "bin", "build_processor.js"), link);
}

if (realpathSync(process.argv[1]) === realpathSync(fileURLToPath(import.meta.url))) setUp();
