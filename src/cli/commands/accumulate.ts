import { join, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { fillEmptyFolder } from "../../nnunet/conversion/build-folder.js";
import { findDatasetNames } from "../../nnunet/find-dataset.js";
import { type NnunetFolders, nnunetFolders, requireFolder } from "../../nnunet/folders.js";
import { accumulate, crossValidationFolder } from "../../nnunet/selection/accumulate.js";
import { modelFolderName } from "../../nnunet/selection/best-model.js";
import { readLabelRules } from "../../nnunet/selection/label-rules.js";
import { readSummaryMeans } from "../../nnunet/selection/read-summary.js";
import { requireTrained } from "../../nnunet/selection/require-trained.js";
import type { CommandSession } from "../command-session.js";
import { foldsOf } from "../folds-of.js";
import { jsonText } from "../json-text.js";
import type { accumulateOptions } from "../options/selection-options.js";

type AccumulateArguments = InferredOptionTypes<typeof accumulateOptions> & {
  readonly datasets: readonly string[];
};

/** A model whose folds are collected. */
interface ModelToScore {
  readonly datasetName: string;
  readonly modelFolder: string;
}

/** `build_processor accumulate`: collects the validation predictions of all folds and scores them. */
export async function runAccumulate(args: AccumulateArguments, session: CommandSession): Promise<number> {
  const { terminal, environment, currentDirectory } = session;
  const folders = nnunetFolders({ environment, currentDirectory }, 2);
  const models: ModelToScore[] = [];
  for (const name of await findDatasetNames(args.datasets.map(String), folders))
    models.push(await modelOf(name, args, folders));
  const isOne = models.length === 1;
  const output = args.output === undefined ? null : resolve(currentDirectory, args.output);
  const reports: object[] = [];
  for (const model of models) {
    const { datasetName } = model;
    const ownOutput = output === null || isOne ? output : join(output, datasetName);
    const { summaryFile, dice, iou } = await scoreOf(model, { output: ownOutput, args, folders, session });
    reports.push({ summaryFile, foregroundMean: { dice, iou } });
    if (!args.json)
      terminal.out(
        `${isOne ? "" : `${datasetName}\n`}foreground mean  Dice ${dice.toFixed(4)}  IoU ${iou.toFixed(4)}\nwritten          ${summaryFile}\n`,
      );
  }
  if (args.json) terminal.out(jsonText(isOne ? reports[0]! : reports));
  return 0;
}

/** @throws MODEL_NOT_FOUND */
async function modelOf(
  datasetName: string,
  { trainer, plans, configuration }: AccumulateArguments,
  folders: NnunetFolders,
): Promise<ModelToScore> {
  const modelName = modelFolderName({ trainer, plans, configuration });
  const modelFolder = join(requireFolder(folders, "results"), datasetName, modelName);
  await requireTrained(modelFolder);
  return { datasetName, modelFolder };
}

interface ScoreOptions {
  /** Null for the folder that nnU-Net takes. */
  readonly output: string | null;
  readonly args: AccumulateArguments;
  readonly folders: NnunetFolders;
  readonly session: CommandSession;
}

async function scoreOf(
  { modelFolder }: ModelToScore,
  { output, args, folders, session: { progress, signal } }: ScoreOptions,
) {
  const folds = foldsOf(args.folds);
  const outputFolder = output ?? join(modelFolder, crossValidationFolder(folds));
  const fill = async (folder: string): Promise<void> => {
    const shared = { modelFolder, folds, folders, overwrite: true, progress, signal };
    await accumulate({ ...shared, outputFolder: folder, shownFolder: outputFolder });
  };
  await (output === null ? fill(outputFolder) : fillEmptyFolder(outputFolder, fill));
  const rules = await readLabelRules(modelFolder);
  const summaryFile = join(outputFolder, "summary.json");
  const { foregroundMean } = await readSummaryMeans(summaryFile, rules.evaluated.labels);
  return { summaryFile, dice: foregroundMean.Dice, iou: foregroundMean.IoU };
}
