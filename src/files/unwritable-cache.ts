import type { ProcessorError } from "../../processor/contract/errors.js";
import { sharedError } from "../../processor/contract/shared-errors.js";

/** OUTPUT_UNWRITABLE for a part of the cache, with what names another place for it. */
export function unwritableCache(folder: string, cause: unknown): ProcessorError {
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  return sharedError(
    "OUTPUT_UNWRITABLE",
    `the cache folder ${folder} can't be written${code === undefined ? "" : ` (${code})`}; XDG_CACHE_HOME names another place for it`,
    { cause },
  );
}
