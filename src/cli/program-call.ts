import { packageRoot } from "../ground/files/package-root.js";
import { shellWord } from "../ground/shell-word.js";
import type { Terminal } from "./terminal.js";

/** Returns the call of this program for lines to paste. Through npx, it has a name only in the clone; elsewhere it needs the path. */
export function programCall({
  environment,
  currentDirectory,
}: Pick<Terminal, "environment" | "currentDirectory">): string {
  if (environment["npm_command"] !== "exec") return "build_processor";
  const isInClone = `${currentDirectory}/`.startsWith(`${packageRoot}/`);
  return isInClone ? "npx --no-install build_processor" : `npx ${shellWord(packageRoot)}`;
}
