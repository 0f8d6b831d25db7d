import type { TaskRun } from "../../contract/totalsegmentator-plan.js";

/** Returns the models of a run in the order in which they run. */
export function modelsInOrder({ crop, parts, refinedBy }: TaskRun): readonly number[] {
  return [
    ...(crop === null ? [] : modelsInOrder(crop.by)),
    ...(refinedBy === null ? [] : modelsInOrder(refinedBy)),
    ...parts.map(({ model }) => model),
  ];
}
