import type { LabelDefinition, ProcessorManifest } from "./manifest.js";
import type { TaskPlan } from "./totalsegmentator-plan.js";
import type { TaskSettings } from "./totalsegmentator-settings.js";

/** The settings that decide which labels an answer can have. */
export type LabelSettings = Pick<TaskSettings, "roiSubset" | "olderLabels">;

/** Returns the labels that a run's answer can have. */
export const answerLabels = (
  { models, totalsegmentator }: Pick<ProcessorManifest, "models" | "totalsegmentator">,
  settings: LabelSettings,
): LabelDefinition => (totalsegmentator === null ? models[0].labels : taskLabels(totalsegmentator, settings));

function taskLabels(plan: TaskPlan, settings: LabelSettings): LabelDefinition {
  const classes = answerClasses(plan, settings);
  return {
    names: [{ name: "background", value: 0 }, ...classes],
    foregroundLabels: classes.map(({ value }) => value),
    regionsClassOrder: null,
    ignoreLabel: null,
  };
}

/** Returns the classes of a task's answer, without background. */
export function answerClasses(
  { run, olderClasses }: Pick<TaskPlan, "run" | "olderClasses">,
  { roiSubset, olderLabels }: LabelSettings,
): TaskPlan["run"]["classes"] {
  const all = olderLabels && olderClasses !== null ? olderClasses : run.classes;
  return roiSubset === null ? all : all.filter(({ name }) => roiSubset.includes(name));
}
