// Makes a fresh clone ready: installs the packages exactly as locked and compiles the TypeScript.
import "./bin/require-node.js";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const modules = join(root, "node_modules");
const stamp = join(modules, ".nnunet-processor-lock");
const program = join(root, "dist", "build_processor.js");
const page = join(root, "dist", "viewer", "page", "page.js");
const compiled = join(root, "dist", ".compiled");
const turn = join(root, ".setup-lock");
const installScripts = ["preinstall", "install", "postinstall"];

/** Returns whether the program is compiled from the present sources and has the packages of the lock file. */
export function isSetUp() {
  if (existsSync(turn) || !existsSync(modules) || !isCompiled()) return false;
  // Packages that somebody installed by hand have no stamp.
  return !existsSync(stamp) || readFileSync(stamp, "utf8") === lockDigest();
}

const isCompiled = () => existsSync(program) && existsSync(page) && newestSourceMs() <= compiledMs();

/** Returns the newest modification time of the sources. `git pull` gives each file that it changes the current time. */
function newestSourceMs() {
  const folders = ["processor", "src", "viewer"].map((name) => join(root, name));
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  return Math.max(...[join(root, "build_processor.ts"), ...files].map(mtimeMs));
}

/** Returns the time of the last compilation. Set-up writes a stamp, because `tsc -b` writes nothing if nothing has changed. */
const compiledMs = () => Math.max(...[compiled, join(root, "dist", "root.tsbuildinfo")].map(mtimeMs));

const mtimeMs = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Installs and compiles what is missing. If `isQuiet`, writes only to stderr, because stdout belongs to the command. */
export function setUp({ isQuiet = false } = {}) {
  const say = isQuiet ? console.error : console.log;
  const output = isQuiet ? 2 : "inherit";
  takeTurn(say);
  try {
    if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lockDigest()) {
      say("setup: installing packages (once) …");
      // A build with another lock file may have left files whose sources are gone.
      rmSync(join(root, "dist"), { recursive: true, force: true });
      run(process.platform === "win32" ? "npm.cmd" : "npm", [
        ...["ci", "--no-audit", "--no-fund", "--loglevel=error"],
      ]);
      removeInstallScripts();
      writeFileSync(stamp, lockDigest());
    }
    if (!isCompiled()) say("setup: compiling …");
    const startedAt = new Date();
    run(process.execPath, [join(modules, "typescript", "bin", "tsc"), "-b"]);
    run(process.execPath, [join(root, "viewer", "bundle.mjs")]);
    writeFileSync(compiled, "");
    // Sources that have changed since then count as newer.
    utimesSync(compiled, startedAt, startedAt);
    linkCommand();
  } finally {
    rmSync(turn, { force: true });
  }

  function run(command, args) {
    const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["inherit", output, 2] });
    if (error) console.error(`setup: ${command} could not be started: ${error.message}`);
    if (status === 0) return;
    rmSync(turn, { force: true });
    console.error("setup: failed; run `npm run setup` in the clone to try again");
    process.exit(status ?? 1);
  }
}

/**
 * Removes the packages' installation scripts, so that `npm pack` does not include them. `npm install --global` of the
 * tarball would run them, and onnxruntime-node's script downloads the libraries of CUDA.
 */
function removeInstallScripts() {
  for (const name of readdirSync(modules, { recursive: true }).filter(
    (path) => basename(path) === "package.json",
  )) {
    const file = join(modules, name);
    const description = JSON.parse(readFileSync(file, "utf8"));
    const scripts = installScripts.filter((script) => description.scripts?.[script] !== undefined);
    // npm compiles a package with a binding.gyp even if it has no script.
    const isCompiled = existsSync(join(dirname(file), "binding.gyp"));
    if (scripts.length === 0 && !isCompiled) continue;
    for (const script of scripts) delete description.scripts[script];
    // The old file is removed instead of changed, because npm may share it with other folders.
    rmSync(file);
    writeFileSync(file, `${JSON.stringify({ ...description, gypfile: false }, null, 2)}\n`);
  }
}

const lockDigest = () =>
  createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");

/** Waits until no other command sets up this clone, then marks it as being set up by this one. */
function takeTurn(say) {
  for (let hasSaidSo = false; ; hasSaidSo = true) {
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
    if (!hasSaidSo) say("setup: waiting for another command that sets up this folder …");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  }
}

/** Returns whether the process that holds the turn still runs. A process that was killed leaves its file behind. */
function isTurnTaken() {
  try {
    const pid = Number(readFileSync(turn, "utf8"));
    if (pid === 0) return Date.now() - statSync(turn).mtimeMs < 5000; // its owner is still writing it
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Links the command where npx looks for it if it first saw this clone without its command. */
function linkCommand() {
  const link = join(modules, ".bin", "build_processor");
  if (process.platform === "win32" || existsSync(link)) return;
  rmSync(link, { force: true });
  symlinkSync(join("..", "..", "bin", "build_processor.js"), link);
}

if (realpathSync(process.argv[1]) === realpathSync(fileURLToPath(import.meta.url))) setUp();
