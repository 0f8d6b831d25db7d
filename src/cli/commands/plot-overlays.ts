import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { findDataset } from "../../nnunet/find-dataset.js";
import { nnunetFolders } from "../../nnunet/folders.js";
import { plotOverlays } from "../../nnunet/overlays/plot-overlays.js";
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
  const { rawFolder } = await findDataset(String(args.dataset), folders, currentDirectory);
  const outputFolder = resolve(currentDirectory, args.output);
  const pictures = await plotOverlays({
    datasetFolder: rawFolder,
    outputFolder,
    channel: args.channel,
    intensity: args.intensity,
    environment,
    progress,
    signal,
  });
  terminal.out(args.json ? jsonText({ outputFolder, pictures }) : `${pictures} pictures  ${outputFolder}\n`);
  return 0;
}
