import type {
  TaskCrop,
  TaskPart,
  TaskPlan,
  TaskRun,
} from "../../processor/contract/totalsegmentator-plan.js";
import {
  type ChosenTask,
  olderClasses,
  partClasses,
  type Task,
  type TaskCropRule,
  type TaskMode,
  type TaskNetworks,
  taskNamed,
} from "./task-table.js";

/** The options of a run for which a plan holds further networks. */
export interface TaskNeeds {
  readonly hasRoiCrop: boolean;
  readonly isRobust: boolean;
  readonly hasBodyCrop: boolean;
}

/** One network that a plan needs. */
export interface NeededNetwork {
  readonly dataset: number;
  readonly trainer: string;
  readonly plans: string;
  readonly configuration: string;
  /** Empty for all that are there. */
  readonly folds: readonly string[];
  /** The task under whose name a licence server gives the weights. */
  readonly task: string;
}

export interface PlannedTask {
  readonly plan: TaskPlan;
  /** Each network once, in the order in which they run first. */
  readonly networks: readonly NeededNetwork[];
}

/** Plans a task as TotalSegmentator runs it. */
export function planTask({ task, mode }: ChosenTask, needs: TaskNeeds): PlannedTask {
  const planner = new Planner(needs);
  const takesRoi = task.name.startsWith("total") && needs.hasRoiCrop;
  const run = planner.run(task, mode);
  const roughRun = takesRoi ? planner.roughRun(task, needs.isRobust) : null;
  const bodyRun = needs.hasBodyCrop && task.crop === null && !isMr(task) ? planner.bodyRun() : null;
  const margin = task.bodyMarginMm;
  return {
    plan: {
      mode,
      run,
      roughRun,
      bodyRun,
      isRobust: needs.isRobust || isMr(task) || (task.crop?.isRobust ?? false),
      bodyMarginMmXyz: [margin, margin, margin],
      olderClasses: task.name === "total" ? olderClasses().map(([value, name]) => ({ name, value })) : null,
    },
    networks: planner.networks,
  };
}

/** TotalSegmentator tells the modality of a task by its name alone. */
const isMr = ({ name }: Task): boolean => name.endsWith("_mr");

/** Windows overlap less in the tasks of the whole body. */
const stepOf = ({ name }: Task): number => (["total", "total_v3", "total_mr"].includes(name) ? 0.8 : 0.5);

const task = (name: string): Task => taskNamed(name)!;

const bodyClasses: readonly string[] = ["body_trunc", "body_extremities"];

/** The plans of every published network but the small ones. */
const usualPlans = "nnUNetPlans";

class Planner {
  readonly networks: NeededNetwork[] = [];
  readonly #needs: TaskNeeds;

  constructor(needs: TaskNeeds) {
    this.#needs = needs;
  }

  /** The rough model of the whole body, which finds the box of some organs. */
  roughRun(of: Task, isRobust: boolean): TaskRun {
    if (isMr(of)) return this.run(task("total_mr"), "fast");
    return this.run(task("total"), isRobust ? "fast" : "fastest");
  }

  bodyRun(): TaskRun {
    return this.run(task("body"), "fast");
  }

  run(of: Task, mode: TaskMode): TaskRun {
    const networks = of.modes[mode]!;
    const crop = of.crop === null ? null : this.#crop(of, of.crop);
    const refinedBy = of.name === "vertebrae_pp_refined" ? "vertebrae_body" : null;
    return {
      task: of.name,
      classes: of.classes.map(([value, name]) => ({ name, value })),
      spacingMmXyz: networks.spacingMmXyz,
      stepSize: stepOf(of),
      crop,
      parts: this.#parts(of, networks),
      postProcessing: of.name === "body" ? "body" : of.name.startsWith("vertebrae_pp") ? "vertebrae" : null,
      keepWithin:
        of.keepWithin === null || crop === null
          ? null
          : {
              labels: labelsOf(crop.by, of.keepWithin.classes),
              millimetres: of.keepWithin.millimetres,
            },
      refinedBy: refinedBy === null ? null : this.run(task(refinedBy), "default"),
    };
  }

  #crop(of: Task, rule: TaskCropRule): TaskCrop {
    const by =
      rule.task !== null
        ? this.run(task(rule.task), "default")
        : rule.classes.some((name) => bodyClasses.includes(name))
          ? this.bodyRun()
          : this.roughRun(of, rule.isRobust || this.#needs.isRobust);
    const { marginMm } = rule;
    return { by, labels: labelsOf(by, rule.classes), marginMmXyz: [marginMm, marginMm, marginMm] };
  }

  #parts(of: Task, { datasets, trainer, plans = usualPlans }: TaskNetworks): TaskRun["parts"] {
    const { configuration, folds } = of;
    const [first, ...others] = datasets.map((dataset): TaskPart => {
      const model = this.#placeOf({
        dataset,
        trainer,
        plans,
        configuration,
        folds,
        task: of.name,
      });
      return { model, labelMap: labelMapOf(of, dataset) };
    });
    return [first!, ...others];
  }

  #placeOf(network: NeededNetwork): number {
    const place = this.networks.findIndex(({ dataset }) => dataset === network.dataset);
    return place >= 0 ? place : this.networks.push(network) - 1;
  }
}

const labelsOf = ({ classes }: TaskRun, names: readonly string[]): readonly number[] =>
  classes.filter(({ name }) => names.includes(name)).map(({ value }) => value);

/** Returns the task's label for each label of a network; auxiliary labels are erased. */
function labelMapOf({ classes, auxiliaryLabels, modes }: Task, dataset: number): readonly number[] {
  const isPart = Object.values(modes).some(
    ({ datasets }) => datasets.length > 1 && datasets.includes(dataset),
  );
  const names = isPart ? partClasses(dataset) : null;
  if (names === null)
    return Array.from({ length: 256 }, (_, label) => (auxiliaryLabels.includes(label) ? 0 : label));
  const largest = Math.max(...Object.keys(names).map(Number));
  return Array.from(
    { length: largest + 1 },
    (_, label) => classes.find(([, name]) => name === names[label])?.[0] ?? 0,
  );
}
