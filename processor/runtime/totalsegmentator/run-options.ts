import { nearest } from "../../contract/nearest-name.js";
import { sharedError } from "../../contract/shared-errors.js";
import type { TaskPlan, TaskRun } from "../../contract/totalsegmentator-plan.js";
import type { TaskSettings } from "../../contract/totalsegmentator-settings.js";

/** The margin of a box around the classes of `roi_subset`. */
const roiMarginMm = [20, 20, 20] as const;

/**
 * Returns the run of a plan with the options of the user.
 *
 * @throws USAGE for options that the task does not have, or that need a model that the plan lacks
 */
export function runWithOptions(plan: TaskPlan, settings: TaskSettings): TaskRun {
  checkOptions(plan, settings);
  const { run, roughRun, bodyRun, bodyMarginMmXyz } = plan;
  const wanted = wantedLabels(run, settings.roiSubset);
  const spacingMmXyz = settings.higherOrder === "logits" ? null : run.spacingMmXyz;
  const changed = { ...run, spacingMmXyz };
  if (wanted !== null) {
    const chosen = run.parts.filter(({ labelMap }) => labelMap.some((label) => wanted.includes(label)));
    const [first = run.parts[0], ...others] = run.parts.length > 1 ? chosen : run.parts;
    return {
      ...changed,
      parts: [first, ...others],
      crop: { by: roughRun!, labels: wantedOf(roughRun!, settings.roiSubset!), marginMmXyz: roiMarginMm },
    };
  }
  if (settings.bodySeg && run.crop === null && bodyRun !== null)
    return { ...changed, crop: { by: bodyRun, labels: [1, 2], marginMmXyz: bodyMarginMmXyz } };
  return changed;
}

function wantedLabels(run: TaskRun, names: readonly string[] | null): readonly number[] | null {
  return names === null ? null : wantedOf(run, names);
}

/** Returns the labels of named classes. */
function wantedOf({ task, classes }: TaskRun, names: readonly string[]): readonly number[] {
  const known = classes.map(({ name }) => name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    throw sharedError(
      "USAGE",
      `roi_subset: the task ${task} has no class ${name}${near === null ? "" : `; did you mean ${near}?`}`,
    );
  }
  return names.map((name) => classes.find((known) => known.name === name)!.value);
}

function checkOptions(
  { run, mode, roughRun, bodyRun, isRobust, olderClasses }: TaskPlan,
  settings: TaskSettings,
): void {
  const { roiSubset, saveLowres } = settings;
  const refused = (reason: string) => sharedError("USAGE", reason);
  if (roiSubset !== null && !run.task.startsWith("total"))
    throw refused(`roi_subset is for the tasks total…, but this is ${run.task}`);
  if (roiSubset !== null && roughRun === null)
    throw refused("roi_subset needs the rough model, which is not there: convert or build with --roi-subset");
  if (settings.robustCrop && !isRobust)
    throw refused(
      "robust_crop needs the rough model of 3 mm, which is not there: convert or build with --robust-crop",
    );
  if (settings.robustCrop && roiSubset === null && run.crop === null)
    throw refused(`robust_crop has no effect: the task ${run.task} crops only with roi_subset`);
  if (settings.bodySeg && bodyRun === null)
    throw refused(
      run.crop !== null || run.task.endsWith("_mr")
        ? `body_seg is not for the task ${run.task}`
        : "body_seg needs the rough model of the body, which is not there: convert or build with --body-seg",
    );
  if (settings.olderLabels && olderClasses === null)
    throw refused(`v1_order is for the task total, but this is ${run.task}`);
  if (settings.bodySeg && roiSubset !== null)
    throw refused("body_seg and roi_subset cannot be used together");
  if (saveLowres && mode === "default") throw refused("save_lowres is for the modes fast and fastest");
  if (saveLowres && (run.crop !== null || roiSubset !== null || settings.bodySeg))
    throw refused("save_lowres cannot be used with a crop");
  if (saveLowres && settings.higherOrder !== "off")
    throw refused("save_lowres and higher_order_resampling cannot be used together");
}

/** Refuses the options of a task for other models. */
export function refuseTaskOptions(settings: TaskSettings): void {
  const given = (
    [
      ["roi_subset", settings.roiSubset !== null],
      ["robust_crop", settings.robustCrop],
      ["body_seg", settings.bodySeg],
      ["remove_small_blobs", settings.removeSmallBlobs !== null],
      ["resampling_order", settings.resamplingOrder !== 1],
      ["higher_order_resampling", settings.higherOrder !== "off"],
      ["save_lowres", settings.saveLowres],
      ["v1_order", settings.olderLabels],
      ["per_class", settings.perClass],
      ["statistics", settings.statistics !== "off"],
    ] as const
  ).filter(([, isGiven]) => isGiven);
  if (given.length > 0)
    throw sharedError(
      "USAGE",
      `${given.map(([key]) => key).join(", ")}: only for models of totalsegmentator:TASK`,
    );
}
