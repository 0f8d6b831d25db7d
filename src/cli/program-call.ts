import { packageRoot } from "../ground/files/package-root.js";
import { shellWord } from "./shell-word.js";
import type { Terminal } from "./terminal.js";

/** Returns how to call this program in a line to paste: npx finds it by name only inside the clone, and by path elsewhere. */
export function programCall({
  environment,
  currentDirectory,
}: Pick<Terminal, "environment" | "currentDirectory">): string {
  if (environment["npm_command"] !== "exec") return "build_processor";
  const isInClone = `${currentDirectory}/`.startsWith(`${packageRoot}/`);
  return isInClone ? "npx --no-install build_processor" : `npx ${shellWord(packageRoot)}`;
}
