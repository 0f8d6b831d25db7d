import { relative } from "node:path";
import type { ModelCandidate } from "../checkpoint/network/trained-model.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { taskIdentity } from "./task-identity.js";

/** The user's choice. An absent field accepts any value, but only one model may match in the end. */
export interface WantedModel {
  /** For messages. */
  readonly modelDir: string;
  readonly taskId?: number;
  readonly taskName?: string;
  readonly configuration?: string;
}

/**
 * Returns the only candidate that matches.
 *
 * @throws MODEL_TASK_MISMATCH, CONFIGURATION_MISSING, MODEL_AMBIGUOUS; each lists the models that were found
 */
export function chooseModel(candidates: readonly ModelCandidate[], wanted: WantedModel): ModelCandidate {
  const { modelDir } = wanted;
  const ofTask = candidates.filter(({ datasetName }) => isTask(datasetName, wanted));
  if (ofTask.length === 0) {
    const asked = [wanted.taskId, wanted.taskName].filter((part) => part !== undefined).join(" ");
    throw builderError(
      "MODEL_TASK_MISMATCH",
      `${modelDir} holds ${distinct(candidates.map(({ datasetName }) => datasetName))}, not task ${asked}`,
    );
  }
  const fitting = ofTask.filter(
    ({ configuration }) => configuration === (wanted.configuration ?? configuration),
  );
  const [model, ...others] = fitting;
  if (model === undefined) {
    throw builderError(
      "CONFIGURATION_MISSING",
      `${modelDir} has ${distinct(ofTask.map(({ configuration }) => configuration))}, not ${wanted.configuration}`,
    );
  }
  if (others.length > 0) {
    const list = fitting.map(({ modelFolder, datasetName, configuration }) => {
      const path = relative(modelDir, modelFolder.folder);
      return `  ${datasetName} ${configuration}: ${path}`;
    });
    throw builderError("MODEL_AMBIGUOUS", `${modelDir} holds ${fitting.length} models:\n${list.join("\n")}`);
  }
  return model;
}

function isTask(datasetName: string, { taskId, taskName }: WantedModel): boolean {
  const task = taskIdentity(datasetName);
  const isId = taskId === undefined || task.id === null || task.id === taskId;
  return isId && (taskName === undefined || task.name.toLowerCase() === taskName.toLowerCase());
}

const distinct = (names: readonly string[]): string => [...new Set(names)].sort().join(", ");
