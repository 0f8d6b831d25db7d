// Makes a fresh clone ready: packages installed exactly as locked, TypeScript compiled.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Node ${process.versions.node} is too old: nnunet-processor needs Node 20.19 or newer (current LTS recommended).`,
  );
  process.exit(2);
}

const lockDigest = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");
const stamp = join(root, "node_modules", ".nnunet-processor-lock");
const isInstalled = existsSync(stamp) && readFileSync(stamp, "utf8") === lockDigest;

if (!isInstalled) {
  console.log("setup: installing packages (once, about 10 s) …");
  run(process.platform === "win32" ? "npm.cmd" : "npm", [
    "ci",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
  ]);
  writeFileSync(stamp, lockDigest);
}
removeStaleBuild();
run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-b"]);

function removeStaleBuild() {
  const built = join(root, "dist", "root.tsbuildinfo");
  // A build by another lock file may hold files whose sources are gone.
  if (existsSync(built) && statSync(built).mtimeMs < statSync(stamp).mtimeMs)
    rmSync(join(root, "dist"), { recursive: true });
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error) console.error(`setup: ${command} could not be started: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}
