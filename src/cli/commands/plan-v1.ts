import { counted } from "../../../processor/contract/counted.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { DatasetPlace } from "../../nnunet/find-dataset.js";
import type { NnunetFolders } from "../../nnunet/folders.js";
import { amount } from "../../nnunet/planning/explain-plan.js";
import type { TaskPlan } from "../../nnunet/planning/v1/plan-dataset-v1.js";
import { type PlannerNameV1, plannersV1 } from "../../nnunet/planning/v1/planners-v1.js";
import { plansV1 } from "../../nnunet/planning/v1/plans-v1.js";
import { measureTask, planTaskFiles } from "../../nnunet/v1/plan-task.js";
import type { CommandSession } from "../command-session.js";
import { withPreprocessed } from "./nnunet-datasets.js";

export interface PlanTasksQuestion {
  readonly places: readonly DatasetPlace[];
  readonly args: {
    readonly planner: string;
    readonly json: boolean;
    readonly "dry-run": boolean;
    readonly "gpu-memory"?: number | undefined;
    readonly "target-spacing"?: readonly number[] | undefined;
    readonly plans?: string | undefined;
    readonly svg?: string | undefined;
  };
  readonly explains: boolean;
  readonly folders: NnunetFolders;
}

/** Measures and plans tasks of nnU-Net v1, whose planner has no options. */
export async function planTasks(
  { places, args, explains, folders }: PlanTasksQuestion,
  { terminal, progress, signal }: CommandSession,
): Promise<number> {
  const unfit = (["gpu-memory", "target-spacing", "plans", "svg"] as const).find(
    (name) => args[name] !== undefined,
  );
  if (unfit !== undefined)
    throw sharedError("USAGE", `--${unfit} is for v2; the planners of v1 do not have it`);
  const planners = plannersOf(args.planner);
  const reports: object[] = [];
  for (const place of places) {
    const { preprocessedFolder, ...ready } = withPreprocessed(place, folders);
    const properties = await measureTask(
      { ...ready, preprocessedFolder },
      { workers: null, progress, signal },
    );
    const isWritten = !explains && !args["dry-run"];
    const planned = await planTaskFiles(properties, { preprocessedFolder, planners, isWritten });
    const { classes, modalities } = properties.task;
    for (const { plan, file } of planned) {
      reports.push({
        task: place.name,
        planner: plan.planner,
        file: isWritten ? file : null,
        plans: plansV1(plan, { classes, modalities }),
      });
      if (!args.json)
        terminal.out(summary({ name: place.name, plan, file: isWritten ? file : null, explains }));
    }
  }
  if (args.json) terminal.out(`${JSON.stringify(reports, null, 2)}\n`);
  return 0;
}

/** The default of the option is a planner of v2; for v1 it means both planners. */
function plannersOf(planner: string): readonly PlannerNameV1[] {
  if (planner === "ExperimentPlanner") return plannersV1;
  const known = plannersV1.find((name) => name === planner);
  if (known !== undefined) return [known];
  throw sharedError("USAGE", `${planner} is a planner of v2; v1 has ${plannersV1.join(" and ")}`);
}

interface SummaryQuestion {
  readonly name: string;
  readonly plan: TaskPlan;
  readonly file: string | null;
  readonly explains: boolean;
}

function summary({ name, plan, file, explains }: SummaryQuestion): string {
  const lines = plan.stages.flatMap((stage, i) => {
    const { topology, spacing, batchSize, medianSize, reasons } = stage;
    const facts = `  stage ${i}     patch ${topology.patch.join(" × ")}, batch ${batchSize}, spacing ${spacing.map((value) => Number(value.toPrecision(4))).join(" × ")} mm, poolings ${topology.poolings.join(" × ")}`;
    if (!explains) return [facts];
    return [
      facts,
      `    a median image has ${medianSize.join(" × ")} voxels; the patch starts as ${reasons.firstPatch.join(" × ")} with ${amount(reasons.firstFeatures)} values in its feature maps`,
      reasons.steps.length === 0
        ? `    they are within the ${amount(reasons.reference)} of the reference`
        : `    ${counted(reasons.steps.length, "step")} made it smaller until ${amount(reasons.features)} values were within the ${amount(reasons.reference)} of the reference`,
      `    the memory allows a batch of ${reasons.batchForMemory}, 5 % of the task's voxels ${reasons.batchForDataset}`,
    ];
  });
  return `${[`${name} ${plan.planner}`, ...lines, ...(file === null ? [] : [`  written to ${file}`])].join("\n")}\n`;
}
