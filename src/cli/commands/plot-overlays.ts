import { join, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { findDataset, findDatasetName } from "../../nnunet/find-dataset.js";
import { nnunetFolders, requireFolder } from "../../nnunet/folders.js";
import { plotOverlays } from "../../nnunet/overlays/plot-overlays.js";
import { plotPreprocessed } from "../../nnunet/overlays/plot-preprocessed.js";
import type { CommandSession } from "../command-session.js";
import { jsonText } from "../json-text.js";
import type { plotOverlaysOptions } from "../options/model-file-options.js";

type PlotOverlaysArguments = InferredOptionTypes<typeof plotOverlaysOptions> & { readonly dataset: string };

/** `build_processor plot-overlays`: draws the labels of each training case over its image. */
export async function runPlotOverlays(args: PlotOverlaysArguments, session: CommandSession): Promise<number> {
  const { terminal, environment, currentDirectory, progress, signal } = session;
  if (!Number.isInteger(args.channel) || args.channel < 0)
    throw sharedError("USAGE", `--channel is a number from 0, not ${args.channel}`);
  const folders = nnunetFolders({ environment, currentDirectory }, 2);
  const outputFolder = resolve(currentDirectory, args.output);
  const { channel, intensity } = args;
  const options = { outputFolder, channel, intensity, progress, signal };
  const pictures = args.preprocessed
    ? await plotPreprocessed({
        ...options,
        datasetFolder: join(
          requireFolder(folders, "preprocessed"),
          await findDatasetName(String(args.dataset), folders),
        ),
        plans: args.plans ?? "nnUNetPlans",
        configuration: args.configuration ?? null,
      })
    : await plotOverlays({ ...options, datasetFolder: await rawFolderOf(args, session), environment });
  terminal.out(args.json ? jsonText({ outputFolder, pictures }) : `${pictures} pictures  ${outputFolder}\n`);
  return 0;
}

async function rawFolderOf(args: PlotOverlaysArguments, session: CommandSession): Promise<string> {
  for (const name of ["configuration", "plans"] as const)
    if (args[name] !== undefined)
      throw sharedError("USAGE", `--${name} is about preprocessed cases; add --preprocessed to draw them`);
  const { currentDirectory } = session;
  const folders = nnunetFolders(session, 2);
  return (await findDataset(String(args.dataset), folders, currentDirectory)).rawFolder;
}
