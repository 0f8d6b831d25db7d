import type { MonaiRules, MonaiStep } from "../../processor/contract/monai-rules.js";

/** Returns the rows about the transforms and windows of a MONAI bundle. */
export function monaiRows(rules: MonaiRules | null): readonly (readonly [string, string])[] {
  if (rules === null) return [];
  const { axcodes, steps, overlap, blend, activation, labelsOn } = rules;
  const turn = axcodes === null ? [] : [`orientation ${axcodes}`];
  return [
    ["before", [...turn, ...steps.map(stepText)].join("; ")],
    ["windows", `overlap ${overlap}, ${blend}`],
    ["after", `${activation === "none" ? "" : `${activation}, `}labels on the ${labelsOn}'s grid`],
  ];
}

function stepText(step: MonaiStep): string {
  switch (step.kind) {
    case "spacing":
      return `spacing ${step.pixdim.map((size) => size ?? "as it is").join(" × ")} mm (x, y, z)`;
    case "crop":
      return `crop to values above ${step.above}, with a margin of ${step.margin.join(" × ")} voxels`;
    case "range":
      return `intensities ${step.from.join(" to ")}${scaledTo(step)}`;
    case "percentiles":
      return `percentiles ${step.lower} to ${step.upper}${scaledTo(step)}`;
    case "scale":
      return `smallest and largest intensity → ${step.to.join(" to ")}`;
    case "normalize":
      return `z-score${step.nonzero ? " of voxels that are not zero" : ""}`;
  }
}

function scaledTo({ to: [low, high], clips }: Extract<MonaiStep, { kind: "range" | "percentiles" }>): string {
  const target = low === null || high === null ? "" : ` → ${low} to ${high}`;
  return `${target}${clips ? ", cut off beyond" : ""}`;
}
