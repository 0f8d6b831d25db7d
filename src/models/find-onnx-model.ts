import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { isNonEmpty, mapNonEmpty } from "../../processor/contract/non-empty.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import type { ModelFolder, TrainedModel } from "../checkpoint/network/trained-model.js";
import { readJsonFile } from "../checkpoint/read-json-file.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { chooseModel } from "./choose-model.js";
import type { ModelQuery } from "./model-query.js";
import { taskIdentity } from "./task-identity.js";

/**
 * Finds a model whose networks are ONNX files. `modelDir` needs plans.json and dataset.json, but no checkpoints.
 *
 * @param onnxFiles one for each fold
 * @throws ONNX_NOT_FOUND, MODEL_NOT_FOUND, MODEL_AMBIGUOUS, MODEL_TASK_MISMATCH, MODEL_FILE_INVALID
 */
export async function findOnnxModel(
  modelDir: string,
  onnxFiles: readonly string[],
  query: ModelQuery,
): Promise<TrainedModel> {
  if (!isNonEmpty(onnxFiles)) throw builderError("ONNX_NOT_FOUND", "no ONNX file is named");
  for (const name of ["plans.json", "dataset.json"])
    if (!(await isFile(join(modelDir, name))))
      throw sharedError("MODEL_NOT_FOUND", `${modelDir} has no ${name}, which an ONNX file does not replace`);
  for (const file of onnxFiles)
    if (!(await isFile(file))) throw builderError("ONNX_NOT_FOUND", `${file} is not a file`);
  const { datasetName, configurations } = await readNames(join(modelDir, "plans.json"));
  const named = /__([^_].*)$/.exec(basename(modelDir).replace(/^.*?__/, ""))?.[1];
  const only = named !== undefined && configurations.includes(named) ? [named] : configurations;
  const modelFolder: ModelFolder = {
    folder: modelDir,
    nnunetVersion: 2,
    foldNames: [],
    pathNames: { datasetName: null, configuration: null },
  };
  const candidates = (query.configuration === null ? only : configurations).map((configuration) => ({
    modelFolder,
    datasetName,
    configuration,
  }));
  const { configuration } = chooseModel(candidates, modelDir, query);
  return {
    folder: modelDir,
    nnunetVersion: 2,
    datasetName,
    configuration,
    networkFormat: "onnx",
    nvidia: null,
    task: taskIdentity(datasetName),
    checkpointName: onnxFiles.map((file) => basename(file)).join(", "),
    leftOut: [],
    folds: mapNonEmpty(onnxFiles, (checkpointFile, i) => ({ fold: String(i), checkpointFile, range: null })),
    tree: null,
  };
}

const isFile = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null))?.isFile() === true;

async function readNames(plansFile: string) {
  const plans = await readJsonFile(plansFile);
  return {
    datasetName: plans.get("dataset_name").string(),
    configurations: plans.get("configurations").keys(),
  };
}
