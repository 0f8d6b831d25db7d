import { join, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { counted } from "../../../processor/contract/counted.js";
import { nearest } from "../../../processor/contract/nearest-name.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { explainPlans, type PlanReason } from "../../nnunet/planning/explain-plan.js";
import { type MadePlans, makePlans, type PlanSettings, savePlans } from "../../nnunet/planning/make-plans.js";
import { planPicture } from "../../nnunet/planning/plan-picture.js";
import { type PlannerName, planners } from "../../nnunet/planning/planners.js";
import { PythonFloat } from "../../nnunet/python-json.js";
import type { CommandSession } from "../command-session.js";
import { wrapped } from "../findings-text.js";
import type { planOptions } from "../options/nnunet-options.js";
import type { Terminal } from "../terminal.js";
import { foldersFor, namedDatasets, withPreprocessed } from "./nnunet-datasets.js";

type PlanArguments = InferredOptionTypes<typeof planOptions> & { readonly datasets?: readonly string[] };

/** `build_processor plan [explain] DATASETS…`: plans data sets, or says why the plans are as they are. */
export async function runPlan(args: PlanArguments, session: CommandSession): Promise<number> {
  const { terminal } = session;
  const [first, ...others] = args.datasets ?? [];
  const explains = first === "explain";
  if (!explains && first !== undefined && nearest(first, ["explain"]) !== null)
    throw sharedError("USAGE", `no data set is called ${first}; did you mean \`plan explain\`?`);
  const places = await namedDatasets(explains ? { ...args, datasets: others } : args, terminal);
  if (args.nnunet === "v1") {
    const { planTasks } = await import("./plan-v1.js");
    return planTasks({ places, args, explains, folders: foldersFor(args, terminal) }, session);
  }
  const settings = settingsOf(args);
  const reports: object[] = [];
  for (const place of places) {
    const ready = withPreprocessed(place, foldersFor(args, terminal));
    const made = await makePlans(ready, settings, terminal.environment);
    const isWritten = !explains && !args["dry-run"];
    const file = isWritten ? await savePlans(made, ready.preprocessedFolder) : null;
    const pictures =
      args.svg === undefined ? [] : await drawn(made, settings, resolve(terminal.currentDirectory, args.svg));
    const reasons = explains ? explainPlans(made) : null;
    reports.push({
      dataset: place.name,
      file,
      pictures,
      plans: made.plans,
      ...(reasons === null ? {} : { reasons }),
    });
    if (!args.json) {
      terminal.out(reasons === null ? summary(made, file) : explanation(made, reasons, terminal));
      for (const picture of pictures) terminal.out(`  picture ${picture}\n`);
    }
  }
  if (args.json) terminal.out(`${JSON.stringify(reports, jsonValue, 2)}\n`);
  return 0;
}

/** JSON files of nnU-Net are maps, because their keys keep their order, and tell Python's floats from ints. */
const jsonValue = (_: string, value: unknown): unknown =>
  value instanceof Map
    ? Object.fromEntries(value as ReadonlyMap<string, unknown>)
    : value instanceof PythonFloat
      ? value.value
      : value;

function settingsOf(args: PlanArguments): PlanSettings {
  if (!Object.hasOwn(planners, args.planner))
    throw sharedError("USAGE", `${args.planner} is a planner of v1; add --nnunet v1`);
  const { "gpu-memory": gigabytes = null, "target-spacing": spacingMmZyx = null } = args;
  if (gigabytes !== null && gigabytes <= 0)
    throw sharedError("USAGE", `--gpu-memory must be above 0 GB, but is ${gigabytes}`);
  if (spacingMmZyx !== null && !(spacingMmZyx.length === 3 && spacingMmZyx.every((mm) => mm > 0)))
    throw sharedError(
      "USAGE",
      `--target-spacing takes three numbers above 0 (z y x, in mm), not ${spacingMmZyx.join(" ")}`,
    );
  if (args.plans !== undefined && !/^[^/\\]{1,200}$/.test(args.plans))
    throw sharedError("USAGE", "--plans takes a name of at most 200 characters, without / and \\");
  return {
    planner: args.planner as PlannerName,
    gigabytes,
    spacingMmZyx,
    plansName: args.plans ?? null,
    preprocessor: args.preprocessor,
  };
}

async function drawn(made: MadePlans, { planner }: PlanSettings, folder: string): Promise<readonly string[]> {
  await makeFolder(folder);
  const { slices, volumes, lowResolution } = made.plan;
  const configurations = [
    ["2d", slices],
    ["3d_fullres", volumes],
    ["3d_lowres", lowResolution?.planned ?? null],
  ] as const;
  const paths: string[] = [];
  for (const [name, planned] of configurations) {
    if (planned === null) continue;
    const title = `${made.datasetName} ${name}`;
    const path = join(folder, `${made.datasetName}-${name}.svg`);
    await writeFileWhole(path, [Buffer.from(planPicture({ title, planned, constants: planners[planner] }))]);
    paths.push(path);
  }
  return paths;
}

function summary({ datasetName, plan, plansName }: MadePlans, file: string | null): string {
  const configurations = [
    ["2d", plan.slices],
    ["3d_lowres", plan.lowResolution?.planned ?? null],
    ["3d_fullres", plan.volumes],
  ] as const;
  const lines = configurations.flatMap(([name, planned]) =>
    planned === null
      ? []
      : [
          `  ${name.padEnd(11)} patch ${planned.topology.patch.join(" × ")}, batch ${planned.batchSize}, spacing ${planned.spacing.map((value) => Number(value.toPrecision(4))).join(" × ")} mm, ${counted(planned.topology.strides.length, "stage")}`,
        ],
  );
  const cascade = plan.lowResolution === null ? [] : ["  3d_cascade_fullres continues 3d_lowres"];
  const written = file === null ? [] : [`  written to ${file}`];
  return `${[`${datasetName} ${plansName}`, ...lines, ...cascade, ...written].join("\n")}\n`;
}

function explanation(
  { datasetName, plansName }: MadePlans,
  reasons: readonly PlanReason[],
  terminal: Terminal,
): string {
  const lines: string[] = [`${datasetName} ${plansName}`];
  let configuration: string | null = null;
  for (const reason of reasons) {
    if (reason.configuration !== configuration && reason.configuration !== null)
      lines.push("", reason.configuration);
    configuration = reason.configuration;
    const indent = "    ";
    lines.push(`  ${reason.subject}: ${reason.value}`);
    lines.push(...wrapped(reason.because, indent.length, terminal).map((line) => indent + line));
  }
  return `${lines.join("\n")}\n`;
}
