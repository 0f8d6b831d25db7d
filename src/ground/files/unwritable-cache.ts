import type { ProcessorError } from "../../../processor/contract/errors.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";

/**
 * Creates the error for a part of the cache that cannot be written. The message explains how to move the
 * cache.
 */
export function unwritableCache(folder: string, cause: unknown): ProcessorError {
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  return sharedError(
    "OUTPUT_UNWRITABLE",
    `the cache folder ${folder} can't be written${code === undefined ? "" : ` (${code})`}; set XDG_CACHE_HOME to move the cache`,
    { cause },
  );
}
