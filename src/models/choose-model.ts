import { relative } from "node:path";
import type { ModelCandidate } from "../checkpoint/network/trained-model.js";
import { builderError } from "../ground/errors/builder-errors.js";
import type { ModelQuery } from "./model-query.js";
import { taskIdentity } from "./task-identity.js";

/**
 * Returns the only candidate that matches.
 *
 * @param modelDir for messages
 * @throws MODEL_TASK_MISMATCH, CONFIGURATION_MISSING, MODEL_AMBIGUOUS; each lists the models that were found
 */
export function chooseModel(
  candidates: readonly ModelCandidate[],
  modelDir: string,
  query: ModelQuery,
): ModelCandidate {
  const ofTask = candidates.filter(({ datasetName }) => isTask(datasetName, query));
  if (ofTask.length === 0) {
    const asked = [query.taskId, query.taskName].filter((part) => part !== null).join(" ");
    throw builderError(
      "MODEL_TASK_MISMATCH",
      `${modelDir} holds ${distinct(candidates.map(({ datasetName }) => datasetName))}, not task ${asked}`,
    );
  }
  const fitting = ofTask.filter(
    ({ configuration }) => configuration === (query.configuration ?? configuration),
  );
  const [model, ...others] = fitting;
  if (model === undefined) {
    throw builderError(
      "CONFIGURATION_MISSING",
      `${modelDir} has ${distinct(ofTask.map(({ configuration }) => configuration))}, not ${query.configuration}`,
    );
  }
  if (others.length > 0) {
    const list = fitting.map(({ modelFolder, datasetName, configuration }) => {
      const path = relative(modelDir, modelFolder.folder);
      return `  ${datasetName} ${configuration}${path === "" ? "" : `: ${path}`}`;
    });
    throw builderError("MODEL_AMBIGUOUS", `${modelDir} holds ${fitting.length} models:\n${list.join("\n")}`);
  }
  return model;
}

function isTask(datasetName: string, { taskId, taskName }: ModelQuery): boolean {
  const task = taskIdentity(datasetName);
  const isId = taskId === null || task.id === null || task.id === taskId;
  return isId && (taskName === null || task.name.toLowerCase() === taskName.toLowerCase());
}

const distinct = (names: readonly string[]): string => [...new Set(names)].sort().join(", ");
