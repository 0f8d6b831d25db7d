import { isAbsolute, join } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { homeFolder } from "../ground/files/home-folder.js";

const name = "nnunet-processor";

const limitVariable = "BUILD_PROCESSOR_CACHE_GB";
const usualLimitGigabytes = 20;

/**
 * Returns the limit of the image layer cache after a build, in bytes: `BUILD_PROCESSOR_CACHE_GB` × 10⁹, by
 * default 20 GB.
 *
 * @throws USAGE if it is not a number
 */
export function cacheLimitBytes(environment: Readonly<Record<string, string | undefined>>): number {
  const text = environment[limitVariable]?.trim() ?? "";
  const gigabytes = text === "" ? usualLimitGigabytes : Number(text);
  if (gigabytes >= 0) return gigabytes * 1e9;
  throw sharedError("USAGE", `${limitVariable}=${text}must be a number of gigabytes, 0 or more`);
}

/**
 * Returns the folder for downloads: `$XDG_CACHE_HOME/nnunet-processor` (ignored if relative, as the XDG
 * specification requires), by default in `~/.cache` on Linux, `~/Library/Caches` on macOS and
 * `%LOCALAPPDATA%` on Windows.
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
    "this user has no home folder, which the cache needs: set XDG_CACHE_HOME, or HOME",
  );
}

/** Returns the same folder as `cacheFolder`, or null for a user without a home folder. */
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
