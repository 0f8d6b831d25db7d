import { isAbsolute, join } from "node:path";
import { homeFolder } from "./home-folder.js";

const name = "nnunet-processor";

/**
 * Returns the user's folder for what can be made again: `$XDG_CACHE_HOME/nnunet-processor` (ignored if relative, as the
 * XDG specification requires), by default in `~/.cache` on Linux, `~/Library/Caches` on macOS and `%LOCALAPPDATA%` on
 * Windows. Returns null for a user without a home folder.
 */
export function cacheFolderOrNull(
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string | null {
  const xdg = environment["XDG_CACHE_HOME"];
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, name);
  const home = homeFolder();
  if (home === null) return null;
  if (platform === "darwin") return join(home, "Library", "Caches", name);
  if (platform === "win32")
    return join(environment["LOCALAPPDATA"] ?? join(home, "AppData", "Local"), name, "Cache");
  return join(home, ".cache", name);
}
