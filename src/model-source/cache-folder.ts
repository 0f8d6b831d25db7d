import { cacheFolderOrNull } from "../../processor/contract/cache-folder.js";
import { sharedError } from "../../processor/contract/shared-errors.js";

export { cacheFolderOrNull };

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
 * Returns the user's cache folder, as `cacheFolderOrNull` does.
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
