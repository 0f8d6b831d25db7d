import type { PredictionReport } from "../../processor/runtime/entries/predict.js";
import { architectureHere, openvinoFolder } from "../base-image/install-openvino.js";
import { cacheFolderOrNull } from "../model-source/cache-folder.js";

/** A run that takes longer is worth an installation. */
const slowMs = 60_000;

/** Returns a line about OpenVINO after a slow run without it, on a machine that it is made for; null otherwise. */
export async function fasterEngineHint(
  { executionProvider }: Pick<PredictionReport, "executionProvider">,
  milliseconds: number,
  environment: NodeJS.ProcessEnv,
): Promise<string | null> {
  if (milliseconds < slowMs || executionProvider !== "CPUExecutionProvider" || architectureHere() === null)
    return null;
  const folder = await openvinoFolder({ environment, cacheFolder: cacheFolderOrNull(environment) });
  if (folder !== null) return null;
  return "On CPUs OpenVINO is often faster: `build_processor inference-engines install` downloads it once.\n";
}
