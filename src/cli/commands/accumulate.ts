import { join, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { fillEmptyFolder } from "../../nnunet/conversion/build-folder.js";
import { findDatasetName } from "../../nnunet/find-dataset.js";
import { nnunetFolders, requireFolder } from "../../nnunet/folders.js";
import { accumulate, crossValidationFolder } from "../../nnunet/selection/accumulate.js";
import { nameOf } from "../../nnunet/selection/best-model.js";
import { readLabelRules } from "../../nnunet/selection/label-rules.js";
import { readSummaryMeans } from "../../nnunet/selection/read-summary.js";
import { requireTrained } from "../../nnunet/selection/require-trained.js";
import type { CommandSession } from "../command-session.js";
import { foldsOf } from "../folds-of.js";
import { jsonText } from "../json-text.js";
import type { accumulateOptions } from "../options/selection-options.js";

type AccumulateArguments = InferredOptionTypes<typeof accumulateOptions> & { readonly dataset: string };

/** `build_processor accumulate`: collects the validation predictions of all folds and scores them. */
export async function runAccumulate(args: AccumulateArguments, session: CommandSession): Promise<number> {
  const { terminal, environment, currentDirectory, progress, signal } = session;
  const { trainer, plans, configuration } = args;
  const folders = nnunetFolders({ environment, currentDirectory }, 2);
  const folds = foldsOf(args.folds);
  const datasetName = await findDatasetName(String(args.dataset), folders);
  const modelFolder = join(
    requireFolder(folders, "results"),
    datasetName,
    nameOf({ trainer, plans, configuration }),
  );
  await requireTrained(modelFolder);
  const outputFolder =
    args.output === undefined
      ? join(modelFolder, crossValidationFolder(folds))
      : resolve(currentDirectory, args.output);
  const fill = async (folder: string): Promise<void> => {
    const shared = { modelFolder, folds, folders, overwrite: true, progress, signal };
    await accumulate({ ...shared, outputFolder: folder, shownFolder: outputFolder });
  };
  await (args.output === undefined ? fill(outputFolder) : fillEmptyFolder(outputFolder, fill));
  const rules = await readLabelRules(modelFolder);
  const summaryFile = join(outputFolder, "summary.json");
  const { foregroundMean } = await readSummaryMeans(summaryFile, rules.evaluated.labels);
  const report = { summaryFile, foregroundMean: { dice: foregroundMean.Dice, iou: foregroundMean.IoU } };
  terminal.out(
    args.json
      ? jsonText(report)
      : `foreground mean  Dice ${foregroundMean.Dice.toFixed(4)}  IoU ${foregroundMean.IoU.toFixed(4)}\nwritten          ${summaryFile}\n`,
  );
  return 0;
}
