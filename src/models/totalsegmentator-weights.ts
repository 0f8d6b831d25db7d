import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { ProcessorError } from "../../processor/contract/errors.js";
import { homeFolder } from "../../processor/contract/home-folder.js";
import { orNull, record, text } from "../../processor/contract/json-check.js";
import { parseOrNull } from "../../processor/contract/parse-checked.js";
import { openRegularFile, readTextFile } from "../../processor/files/read-text-file.js";
import { ZipArchive } from "../../processor/files/zip/zip-archive.js";
import { defaultCheckpoint } from "../checkpoint/network/default-checkpoint.js";
import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import { namingArchives } from "../ground/archive/archive-tree.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { fetchLicensedArchive } from "../model-source/licensed-archive.js";
import type { NeededNetwork } from "../totalsegmentator/plan-task.js";
import { weightsAddress, weightsOf } from "../totalsegmentator/task-table.js";
import { findModel } from "./find-model.js";
import { zipModelFolder } from "./model-folder.js";
import type { ModelQuery } from "./model-query.js";
import { sourceContext, trainedModel } from "./obtain-model.js";
import type { WorkContext } from "./work-context.js";

/** Where TotalSegmentator's own programs look for weights, and put them. */
const weightsVariable = "TOTALSEG_WEIGHTS_PATH";
const homeVariable = "TOTALSEG_HOME_DIR";
/** A mirror of the releases with the weights. */
const mirrorVariable = "TOTALSEG_WEIGHTS_URL";
const licenceVariable = "TOTALSEG_LICENSE";
const licenceServerVariable = "TOTALSEG_LICENSE_SERVER";
const licenceServer = "https://backend.totalsegmentator.com:443/";

/**
 * Finds the weights of a network in the folder of TotalSegmentator's own programs, or fetches them into the cache.
 *
 * @throws TOTALSEG_WEIGHTS for a folder that is incomplete, or of another trainer; TOTALSEG_LICENCE
 */
export async function weightsModel(network: NeededNetwork, work: WorkContext): Promise<TrainedModel> {
  const { dataset, configuration, folds } = network;
  const query: ModelQuery = {
    taskId: null,
    taskName: null,
    configuration,
    nvidia: null,
    checkpointName: null,
    folds,
  };
  const place = await weightsFolder(work);
  const model = await findWeights(network, query, { folder: place, work });
  checkTrainer(model, network);
  work.progress.note(`weights of dataset ${dataset}: ${model.tree?.address ?? model.folder}`);
  return model;
}

interface Place {
  /** Null if this user has no home folder. */
  readonly folder: string | null;
  readonly work: WorkContext;
}

async function findWeights(
  network: NeededNetwork,
  query: ModelQuery,
  { folder, work }: Place,
): Promise<TrainedModel> {
  const { folder: name, isLicensed } = weightsOf(network.dataset);
  if (folder !== null) {
    const own = join(folder, name);
    if (await isThere(own)) {
      const modelDir = join(own, modelFolderName(network));
      await checkComplete(own, network);
      return trainedModel({ ...query, modelDir }, work);
    }
    if (await isThere(`${own}.zip`)) return trainedModel({ ...query, modelDir: `${own}.zip` }, work);
  }
  if (isLicensed) return licensedModel(network, query, work);
  const address = weightsAddress(network.dataset, work.environment[mirrorVariable] ?? null);
  if (address === null)
    throw builderError(
      "TOTALSEG_WEIGHTS",
      `the weights of the task ${network.task} (${name}) are not published`,
    );
  return trainedModel({ ...query, modelDir: address }, work).catch((error: unknown) => {
    if (!(error instanceof ProcessorError) || error.code !== "DOWNLOAD_FAILED") throw error;
    const places = folder === null ? "" : `put it into ${folder} under the same name, or `;
    throw builderError(
      "DOWNLOAD_FAILED",
      `${error.message}; ${places}name a mirror of the releases in ${mirrorVariable}`,
      { cause: error },
    );
  });
}

/** Fetches weights with the user's own licence number. */
async function licensedModel(
  { dataset, task }: NeededNetwork,
  query: ModelQuery,
  work: WorkContext,
): Promise<TrainedModel> {
  const number = await licenceNumber(work);
  const { folder } = weightsOf(dataset);
  if (number === null)
    throw builderError(
      "TOTALSEG_LICENCE",
      `the weights of the task ${task} (${folder}) need a licence number, and none was found in ${licenceVariable} or in ${join(homeOf(work) ?? "~/.totalsegmentator", "config.json")} (license_number)`,
    );
  const context = await sourceContext(null, work);
  const server = new URL(work.environment[licenceServerVariable] ?? licenceServer);
  const archive = await fetchLicensedArchive({ server, task, folder, number }, context);
  const local = await zipModelFolder(archive, query, context);
  return namingArchives([local.tree], () => findModel(local, query));
}

const modelFolderName = ({ trainer, plans, configuration }: NeededNetwork): string =>
  `${trainer}__${plans}__${configuration}`;

const isThere = async (path: string): Promise<boolean> => (await stat(path).catch(() => null)) !== null;

/** TotalSegmentator unpacks weights in place, so that an interrupted download leaves a folder without some files. */
async function checkComplete(folder: string, network: NeededNetwork): Promise<void> {
  const name = modelFolderName(network);
  const present: readonly string[] = await readdir(folder);
  const models = present.filter((one) => one.includes("__"));
  if (!present.includes(name) && models.length > 0)
    throw builderError(
      "TOTALSEG_WEIGHTS",
      `${folder} holds ${models.join(", ")}, but TotalSegmentator's task ${network.task} runs ${name}`,
    );
  const folds = network.folds.map((fold) => join(`fold_${fold}`, defaultCheckpoint(2)));
  for (const file of ["plans.json", "dataset.json", ...folds])
    if (!(await isThere(join(folder, name, file))))
      throw builderError("TOTALSEG_WEIGHTS", `${folder} is incomplete: ${join(name, file)} is missing`);
  for (const fold of folds) await checkWhole(join(folder, name, fold), folder);
}

/** Looks for the end of a checkpoint, which is a zip archive; one of an old version of PyTorch is not. */
async function checkWhole(file: string, folder: string): Promise<void> {
  const isZip = (await readStart(file)).equals(zipStart);
  if (!isZip) return;
  const zip = await ZipArchive.open(file).catch((cause: unknown) => {
    throw builderError("TOTALSEG_WEIGHTS", `${folder} is incomplete: ${file} ends too early`, { cause });
  });
  await zip.close();
}

const zipStart = Buffer.from("PK\u0003\u0004", "latin1");

async function readStart(file: string): Promise<Buffer> {
  const handle = await openRegularFile(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(zipStart.length), 0, zipStart.length, 0);
    return buffer;
  } finally {
    await handle.close();
  }
}

function checkTrainer({ folder, tree }: TrainedModel, network: NeededNetwork): void {
  const wanted = modelFolderName(network);
  if (basename(folder) === wanted) return;
  throw builderError(
    "TOTALSEG_WEIGHTS",
    `${tree?.address ?? folder} holds ${basename(folder)}, but TotalSegmentator's task ${network.task} runs ${wanted}`,
  );
}

async function weightsFolder({ environment }: WorkContext): Promise<string | null> {
  const folder = weightsFolderIn(environment);
  const isNamed = (environment[weightsVariable]?.trim() ?? "") !== "";
  if (folder === null || !isNamed || (await isThere(folder))) return folder;
  throw builderError("TOTALSEG_WEIGHTS", `${weightsVariable} names ${folder}, which does not exist`);
}

/** Returns the folder of the weights of TotalSegmentator's own programs; null for a user without a home folder. */
export function weightsFolderIn(environment: WorkContext["environment"]): string | null {
  const named = environment[weightsVariable]?.trim() ?? "";
  if (named !== "") return named;
  const home = homeOf({ environment });
  return home === null ? null : join(home, "nnunet", "results");
}

function homeOf({ environment }: Pick<WorkContext, "environment">): string | null {
  const named = environment[homeVariable]?.trim() ?? "";
  if (named !== "") return named;
  const home = environment["HOME"] ?? homeFolder();
  return home === null ? null : join(home, ".totalsegmentator");
}

const ownConfig = record({ license_number: orNull(text) });
const maxConfigBytes = 1 << 20;

/** Returns the number in the environment, or the one that TotalSegmentator's own programs keep. */
async function licenceNumber(work: WorkContext): Promise<string | null> {
  const named = work.environment[licenceVariable]?.trim() ?? "";
  if (named !== "") return named;
  const home = homeOf(work);
  if (home === null) return null;
  const found = await readTextFile(join(home, "config.json"), maxConfigBytes).catch(() => "");
  return parseOrNull(found, ownConfig)?.license_number ?? null;
}
