import {
  needsOf,
  noChoices,
  noTaskOptions,
  taskAddress,
  taskModels,
} from "../models/totalsegmentator-models.js";
import type { WorkContext } from "../models/work-context.js";
import { cachedConversion } from "./converted-cache.js";

/**
 * Returns the converted folder of one of TotalSegmentator's tasks, such as `total_fast`. Its weights are fetched, and
 * converted into the cache, if that has not been done before.
 *
 * @throws PRETRAINED_UNKNOWN, TOTALSEG_WEIGHTS, TOTALSEG_LICENCE; what downloads and the conversion throw
 */
export async function taskFolder(task: string, cacheFolder: string, work: WorkContext): Promise<string> {
  const options = { needs: needsOf(noTaskOptions, "image"), others: noChoices };
  return cachedConversion(await taskModels([taskAddress(task)], options, work), cacheFolder, work);
}
