#!/usr/bin/env node
// The command of a clone. It is not compiled, because npx links a package's command only when it first sees the package:
// if set-up made this file, everyone who had called npx before would keep getting "not found".
import "./require-node.js";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const setup = join(root, "setup.mjs");

// An installed package is compiled already and has no set-up.
if (existsSync(setup)) {
  const { isSetUp, setUp } = await import(pathToFileURL(setup).href);
  if (!isSetUp()) setUp({ isQuiet: true });
}
await import(pathToFileURL(join(root, "dist", "build_processor.js")).href);
