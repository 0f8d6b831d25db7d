#!/usr/bin/env node
// The command of a clone, there before anything is compiled. npx links a command when it first meets a package and
// never looks again, so a file that set-up makes would stay "not found" for everyone who called npx before it.
import "./require-node.js";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const setup = join(root, "setup.mjs");

// An installed package comes compiled and brings no set-up.
if (existsSync(setup)) {
  const { isSetUp, setUp } = await import(pathToFileURL(setup).href);
  if (!isSetUp()) setUp({ isQuiet: true });
}
await import(pathToFileURL(join(root, "dist", "build_processor.js")).href);
