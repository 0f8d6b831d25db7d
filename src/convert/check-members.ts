import { builderError } from "../ground/errors/builder-errors.js";
import type { Stage } from "./read-stages.js";

/**
 * Checks that the members' predictions can be averaged: their channels, labels and heads must agree.
 *
 * @throws ENSEMBLE_MISMATCH
 */
export function checkMembers([first, ...others]: readonly Stage[]): void {
  for (const other of others) {
    for (const [what, fact] of Object.entries(facts)) {
      const [a, b] = [fact(first!), fact(other)];
      if (a === b) continue;
      throw builderError(
        "ENSEMBLE_MISMATCH",
        `${nameOf(first!)} and ${nameOf(other)} differ in their ${what}: ${a} and ${b}`,
      );
    }
  }
}

const nameOf = ({ model }: Stage): string => `${model.datasetName} ${model.configuration}`;

const facts: Readonly<Record<string, (stage: Stage) => string>> = {
  "number of channels": ({ description }) => String(description.channelNames.length),
  labels: ({ description }) => description.labels.foregroundLabels.join(" "),
  regions: ({ description }) => description.labels.regionsClassOrder?.join(" ") ?? "none",
  "image reader": ({ description }) => description.plan.imageReader,
};
