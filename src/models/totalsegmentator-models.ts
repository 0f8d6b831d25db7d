import { mapInOrder } from "../../processor/contract/non-empty.js";
import type { RunSettings } from "../../processor/contract/run-settings.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { planTask, type TaskNeeds } from "../totalsegmentator/plan-task.js";
import { chosenTask } from "../totalsegmentator/task-table.js";
import type { ModelSet } from "./model-set.js";
import { weightsModel } from "./totalsegmentator-weights.js";
import type { WorkContext } from "./work-context.js";

const scheme = "totalsegmentator:";

/** Returns the address of one of TotalSegmentator's tasks, such as `totalsegmentator:total_fast`. */
export const taskAddress = (name: string): string => `${scheme}${name}`;

/** Returns the name of the task in an address. */
export const taskOfAddress = (address: string): string => address.slice(scheme.length);

export const isTaskAddress = (address: string): boolean => address.startsWith(scheme);

type TaskOptions = Pick<RunSettings, "roiSubset" | "robustCrop" | "bodySeg">;

export const noTaskOptions: TaskOptions = { roiSubset: null, robustCrop: false, bodySeg: false };

/** Returns the networks that options of a run need. */
export const needsOf = (
  { roiSubset, robustCrop, bodySeg }: TaskOptions,
  use: "image" | "run",
): TaskNeeds => ({
  hasRoiCrop: use === "image" || roiSubset !== null,
  isRobust: robustCrop,
  hasBodyCrop: bodySeg,
});

/** Choices of models that a task does not leave open. */
export interface OtherChoices {
  readonly configurations: readonly string[] | null;
  readonly checkpointName: string | null;
  readonly folds: readonly string[];
  readonly onnxFiles: readonly string[] | null;
  readonly previousStage: string | null;
}

export const noChoices: OtherChoices = {
  configurations: null,
  checkpointName: null,
  folds: [],
  onnxFiles: null,
  previousStage: null,
};

/**
 * Finds all networks of one of TotalSegmentator's tasks.
 *
 * @throws PRETRAINED_UNKNOWN, TOTALSEG_WEIGHTS, TOTALSEG_LICENCE, USAGE for choices that the task makes itself
 */
export async function taskModels(
  addresses: readonly string[],
  { needs, others }: { readonly needs: TaskNeeds; readonly others: OtherChoices },
  work: WorkContext,
): Promise<ModelSet> {
  const [address, ...further] = addresses;
  if (further.length > 0)
    throw sharedError("USAGE", `${addresses.join(", ")}: a task of TotalSegmentator stands alone`);
  refuseOthers(others);
  const { plan, networks } = planTask(chosenTask(taskOfAddress(address!)), needs);
  const [first, ...rest] = networks;
  const models = await mapInOrder([first!, ...rest], (network) => weightsModel(network, work));
  return {
    members: await mapInOrder(models, async (model) => ({ model, previousStage: null })),
    totalsegmentator: plan,
    postProcessing: { kind: "none" },
  };
}

function refuseOthers({
  configurations,
  checkpointName,
  folds,
  onnxFiles,
  previousStage,
}: OtherChoices): void {
  const given = [
    configurations === null ? null : "--configuration",
    checkpointName === null ? null : "--checkpoint",
    folds.length === 0 ? null : "--folds",
    onnxFiles === null ? null : "--onnx",
    previousStage === null ? null : "--prev-stage-model",
  ].find((flag) => flag !== null);
  if (given !== undefined)
    throw sharedError("USAGE", `${given}: a task of TotalSegmentator says itself which networks run`);
}
