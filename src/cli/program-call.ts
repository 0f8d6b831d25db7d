import { packageRoot } from "../package-root.js";
import type { Terminal } from "./terminal.js";

/** How this program was called, for a line to paste: npx knows its name in the clone only, and its path elsewhere. */
export function programCall({
  environment,
  currentDirectory,
}: Pick<Terminal, "environment" | "currentDirectory">): string {
  if (environment["npm_command"] !== "exec") return "build_processor";
  const isInClone = `${currentDirectory}/`.startsWith(`${packageRoot}/`);
  return isInClone ? "npx build_processor" : `npx ${packageRoot}`;
}
