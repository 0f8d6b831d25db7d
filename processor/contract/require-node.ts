/**
 * Ends the program if this Node is too old for it. Both programs import this module first, so that its message
 * appears before another module fails.
 */
import { sharedError } from "./shared-errors.js";

const [major = 0, minor = 0] = process.version.slice(1).split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  const found = `nnunet-processor needs Node 20.19 or newer, but this is Node ${process.version.slice(1)}`;
  const { code, message, help, exitCode } = sharedError("NODE_TOO_OLD", found);
  console.error(`${code}: ${message}. ${help}`);
  process.exit(exitCode);
}
