import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

const name = "nnunet-processor";

/**
 * Where downloads are kept: `$XDG_CACHE_HOME/nnunet-processor` (ignored when relative, as the XDG rule says),
 * by default `~/.cache` on Linux, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows.
 */
export function cacheFolder(
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string {
  const xdg = environment.XDG_CACHE_HOME;
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, name);
  if (platform === "darwin") return join(homedir(), "Library", "Caches", name);
  if (platform === "win32")
    return join(environment.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), name, "Cache");
  return join(homedir(), ".cache", name);
}
