import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { exists } from "../../../processor/files/exists.js";
import { findDatasetNames } from "../../nnunet/find-dataset.js";
import { nnunetFolders, requireFolder } from "../../nnunet/folders.js";
import { filesOfModel } from "../../nnunet/model-files/files-of-model.js";
import { filesOfModelOfV1 } from "../../nnunet/model-files/files-of-model-v1.js";
import { writeZip } from "../../nnunet/model-files/write-zip.js";
import type { CommandSession } from "../command-session.js";
import { foldsOf } from "../folds-of.js";
import { jsonText } from "../json-text.js";
import type { exportModelOptions } from "../options/model-file-options.js";

type ExportArguments = InferredOptionTypes<typeof exportModelOptions> & {
  readonly datasets: readonly string[];
};

/** `build_processor export-model`: packs trained models into a zip file that nnU-Net and this program read. */
export async function runExportModel(args: ExportArguments, session: CommandSession): Promise<number> {
  const { terminal, environment, currentDirectory, progress, signal } = session;
  const file = resolve(currentDirectory, args.output);
  if (!args.overwrite && (await exists(file))) throw sharedError("OUTPUT_EXISTS", `${file} already exists`);
  const folders = nnunetFolders({ environment, currentDirectory }, args.nnunet === "v1" ? 1 : 2);
  const resultsFolder = requireFolder(folders, "results");
  const datasetNames = await findDatasetNames(args.datasets.map(String), folders);
  const folds = foldsOf(args.folds);
  const named = args.configurations === undefined ? null : [...new Set(args.configurations)];
  const filesOf = (datasetName: string): Promise<readonly string[]> =>
    args.nnunet === "v1"
      ? filesOfModelOfV1({
          resultsFolder,
          taskName: datasetName,
          trainer: args.trainer ?? "nnUNetTrainerV2",
          cascadeTrainer: args["cascade-trainer"],
          plans: args.plans ?? "nnUNetPlansv2.1",
          configurations: named ?? ["2d", "3d_lowres", "3d_fullres", "3d_cascade_fullres"],
          folds,
          isStrict: args.strict,
        })
      : filesOfModel({
          resultsFolder,
          datasetName,
          trainer: args.trainer ?? "nnUNetTrainer",
          plans: args.plans ?? "nnUNetPlans",
          configurations: named ?? ["3d_lowres", "3d_fullres", "2d", "3d_cascade_fullres"],
          folds,
          checkpoints: args.checkpoint,
          withPredictions: args["with-predictions"],
        });
  const paths: string[] = [];
  for (const name of datasetNames) paths.push(...(await filesOf(name)));
  await writeZip(file, { folder: resultsFolder, paths }, { progress, signal });
  terminal.out(args.json ? jsonText({ file, files: paths }) : `${paths.length} files  ${file}\n`);
  return 0;
}
