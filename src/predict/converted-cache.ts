import { createHash } from "node:crypto";
import { access, constants, readFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProcessorError } from "../../processor/contract/errors.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import { completeConfig } from "../config/config.js";
import { conversionFormat } from "../convert/conversion-memo.js";
import { convertModel } from "../convert/convert-model.js";
import { isConverted } from "../convert/converted-folder.js";
import type { ModelSet } from "../models/model-set.js";
import type { WorkContext } from "../models/work-context.js";

/** The variable that names the folder for converted models. */
const cacheVariable = "NNUNET_CACHE_DIR";

/**
 * Returns a converted model from the cache; converts it first if the cache does not have it. Several containers may share
 * the cache, so that each model is converted only once.
 *
 * @throws what the conversion throws
 */
export async function cachedConversion(
  models: ModelSet,
  cacheFolder: string,
  { progress, signal }: Pick<WorkContext, "progress" | "signal">,
): Promise<string> {
  const outputDir = join(cacheFolder, await keyOf(models));
  if (await isConverted(outputDir)) return outputDir;
  try {
    const { settings } = completeConfig({});
    await convertModel({ models, outputDir, settings, progress, signal });
  } catch (error) {
    // Another container was faster.
    const isThere = error instanceof ProcessorError && error.code === "OUTPUT_EXISTS";
    if (!isThere && (error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
    if (!(await isConverted(outputDir))) throw error;
  }
  return outputDir;
}

/**
 * Returns a name for the converted form of models. Checkpoints with the same path, size and time count as the same; the
 * plans are compared by their contents, because models that are mounted in turn have the same paths.
 */
async function keyOf({ members, totalsegmentator, postProcessing }: ModelSet): Promise<string> {
  const facts = totalsegmentator === null ? [] : [totalsegmentator];
  const hash = createHash("sha256").update(JSON.stringify([conversionFormat, postProcessing, ...facts]));
  for (const { model, previousStage } of members)
    for (const stage of [model, previousStage])
      hash.update(stage === null ? "none" : JSON.stringify(await identityOf(stage)));
  return hash.digest("hex").slice(0, 32);
}

async function identityOf({
  folder,
  folds,
  configuration,
  datasetName,
  tree,
}: TrainedModel): Promise<unknown> {
  const checkpoints = await Promise.all(
    folds.map(async ({ checkpointFile }) => {
      const range = tree?.inArchive.get(checkpointFile);
      if (range !== undefined) return [checkpointFile, range];
      const { size, mtimeMs, ino } = await stat(checkpointFile);
      return [checkpointFile, size, mtimeMs, ino];
    }),
  );
  const plans = await Promise.all(
    ["plans.json", "plans.pkl", "dataset.json"].map(async (name) => {
      const bytes = await readFile(join(folder, name)).catch(() => null);
      return bytes === null ? null : createHash("sha256").update(bytes).digest("hex");
    }),
  );
  return [configuration, datasetName, checkpoints, plans];
}

/** A folder for converted models. */
export interface CachePlace {
  readonly folder: string;
  /** True if nothing in it outlasts the run, so that it is deleted. */
  readonly isTemporary: boolean;
}

/**
 * Chooses the folder for converted models in a container: the one that the variable NNUNET_CACHE_DIR names, else one
 * in the system's temporary folder, else (if the root is read-only) a temporary one in the output folder.
 *
 * @throws OUTPUT_UNWRITABLE if the named folder cannot be written, or no other can
 */
export async function cachePlace(
  environment: Readonly<Record<string, string | undefined>>,
  outputDir: string,
): Promise<CachePlace> {
  const named = environment[cacheVariable]?.trim() ?? "";
  if (named !== "") {
    if (await isWritable(named)) return { folder: named, isTemporary: false };
    throw sharedError("OUTPUT_UNWRITABLE", `${cacheVariable} names ${named}, which cannot be written`);
  }
  const temporary = join(tmpdir(), "nnunet-processor-models");
  if (await isWritable(temporary)) return { folder: temporary, isTemporary: false };
  const inOutput = join(outputDir, ".nnunet-processor-models");
  if (await isWritable(inOutput)) return { folder: inOutput, isTemporary: true };
  throw sharedError(
    "OUTPUT_UNWRITABLE",
    `no folder for the converted model can be written: neither ${temporary} nor ${inOutput}; mount one and name it in ${cacheVariable}`,
  );
}

async function isWritable(folder: string): Promise<boolean> {
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
