import { posix } from "node:path";
import { places } from "../../../processor/contract/places.js";
import type { ServeOptionName } from "../../predict/nnunet-serve/options.js";
import type { ServeWords } from "../../predict/nnunet-serve/parse-arguments.js";

const { model, input, output, metadata } = places.anyModel;

/** The mounted folder that a relative path of each option starts from. */
const folders: Partial<Record<ServeOptionName, string>> = {
  series_paths: input,
  intersect_with: input,
  crop_from: input,
  metadata_path: metadata,
  fractional_metadata_path: metadata,
  empty_segment_metadata: metadata,
  output_dir: output,
  log_file: output,
};

/**
 * Completes a command line of nnunet_serve with the places of an image: the model is /model, results go to /data/output,
 * and paths start from the mounted folders. The variable SERIES_PATHS has been put into the words before.
 */
export function wordsInImage(words: ServeWords): ServeWords {
  const placed = new Map<ServeOptionName, readonly string[]>([
    ["model_path", [model]],
    ["output_dir", [output]],
  ]);
  for (const [name, values] of words) {
    const folder = folders[name];
    placed.set(name, folder === undefined ? values : values.map((value) => posix.resolve(folder, value)));
  }
  return placed;
}
