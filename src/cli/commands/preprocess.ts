import type { InferredOptionTypes } from "yargs";
import { counted } from "../../../processor/contract/counted.js";
import { type PreprocessReport, preprocessDataset } from "../../nnunet/preprocessing/preprocess-dataset.js";
import { preprocessTask } from "../../nnunet/v1/preprocess-task.js";
import type { CommandSession } from "../command-session.js";
import type { preprocessOptions } from "../options/nnunet-options.js";
import { foldersFor, namedDatasets, withPreprocessed } from "./nnunet-datasets.js";

type PreprocessArguments = InferredOptionTypes<typeof preprocessOptions> & {
  readonly datasets?: readonly string[];
};

/** `build_processor preprocess DATASETS…`: makes the data that nnU-Net's training reads. */
export async function runPreprocess(
  args: PreprocessArguments,
  { terminal, progress, signal, environment }: CommandSession,
): Promise<number> {
  const folders = foldersFor(args, terminal);
  const places = (await namedDatasets(args, terminal)).map((place) => withPreprocessed(place, folders));
  if (args.nnunet === "v1") {
    const tasks: object[] = [];
    for (const place of places) {
      const { stages, splits } = await preprocessTask(
        place,
        { writesSplits: args.splits },
        { workers: args.workers ?? null, progress, signal },
      );
      tasks.push({ task: place.name, stages, splits });
      const lines = stages.map(
        ({ name, cases, continued, folder }) =>
          `  ${name}: ${counted(cases, "case")}${earlierText(continued)} in ${folder}`,
      );
      const folds = splits === null ? [] : [`  folds: ${splits}`];
      if (!args.json) terminal.out(`${[place.name, ...lines, ...folds].join("\n")}\n`);
    }
    if (args.json) terminal.out(`${JSON.stringify(tasks, null, 2)}\n`);
    return 0;
  }
  const reports: PreprocessReport[] = [];
  for (const place of places) {
    const report = await preprocessDataset(
      place,
      {
        plansName: args.plans,
        configurations: args.configuration,
        writesSplits: args.splits,
        allowsChanges: args["allow-changes"],
        format: args.format,
      },
      { workers: args.workers ?? null, progress, signal, environment },
    );
    reports.push(report);
    if (!args.json) terminal.out(reportText(report));
  }
  if (args.json) terminal.out(`${JSON.stringify(reports, null, 2)}\n`);
  return 0;
}

function reportText({ dataset, plans, configurations, splits }: PreprocessReport): string {
  const lines = configurations.map(({ name, folder, cases, continued, skipped, dataOf }) => {
    if (skipped === "not-in-plans") return `  ${name.padEnd(11)} skipped: the plans do not have it`;
    if (skipped === "no-own-data") return `  ${name.padEnd(11)} uses the data of ${dataOf}`;
    return `  ${name.padEnd(11)} ${counted(cases, "case")}${earlierText(continued)} in ${folder}`;
  });
  return `${[`${dataset} ${plans}`, ...lines, ...(splits === null ? [] : [`  folds       ${splits}`])].join("\n")}\n`;
}

const earlierText = (continued: number): string =>
  continued === 0 ? "" : `, ${continued} of them by an earlier run`;
