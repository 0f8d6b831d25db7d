import { isAbsolute, join } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { homeFolder } from "../files/home-folder.js";

const name = "nnunet-processor";

const limitVariable = "BUILD_PROCESSOR_CACHE_GB";
const usualLimitGigabytes = 20;

/**
 * How much the cache of image layers may hold after a build, in bytes: `BUILD_PROCESSOR_CACHE_GB` × 10⁹, 20 GB otherwise.
 *
 * @throws USAGE when it is no number
 */
export function cacheLimitBytes(environment: Readonly<Record<string, string | undefined>>): number {
  const text = environment[limitVariable]?.trim() ?? "";
  const gigabytes = text === "" ? usualLimitGigabytes : Number(text);
  if (gigabytes >= 0) return gigabytes * 1e9;
  throw sharedError("USAGE", `${limitVariable}=${text}: a number of gigabytes, 0 or more`);
}

/**
 * Where downloads are kept: `$XDG_CACHE_HOME/nnunet-processor` (ignored when relative, as the XDG rule says),
 * by default `~/.cache` on Linux, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows.
 *
 * @throws OUTPUT_UNWRITABLE for a user without a home folder
 */
export function cacheFolder(
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string {
  const folder = cacheFolderOrNull(environment, platform);
  if (folder !== null) return folder;
  throw sharedError(
    "OUTPUT_UNWRITABLE",
    "the cache has no place, because this user has no home folder: set XDG_CACHE_HOME, or HOME",
  );
}

/** The same, and null for a user without a home folder. */
export function cacheFolderOrNull(
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string | null {
  const xdg = environment.XDG_CACHE_HOME;
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, name);
  const home = homeFolder();
  if (home === null) return null;
  if (platform === "darwin") return join(home, "Library", "Caches", name);
  if (platform === "win32")
    return join(environment.LOCALAPPDATA ?? join(home, "AppData", "Local"), name, "Cache");
  return join(home, ".cache", name);
}
