import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { ensembleFolders } from "../../nnunet/selection/ensemble-folders.js";
import type { CommandSession } from "../command-session.js";
import { jsonText } from "../json-text.js";
import type { ensembleOptions } from "../options/selection-options.js";

type EnsembleArguments = InferredOptionTypes<typeof ensembleOptions>;

/** `build_processor ensemble`: averages the probabilities of several models. */
export async function runEnsemble(args: EnsembleArguments, session: CommandSession): Promise<number> {
  const { terminal, currentDirectory, progress, signal } = session;
  const [first, ...others] = [args.input].flat().map((folder) => resolve(currentDirectory, folder));
  if (first === undefined || others.length === 0)
    throw sharedError("USAGE", "--input names at least two folders with probabilities");
  const outputFolder = resolve(currentDirectory, args.output);
  const cases = await ensembleFolders({
    folders: [first, ...others],
    outputFolder,
    savesProbabilities: args["save-probabilities"],
    progress,
    signal,
  });
  terminal.out(args.json ? jsonText({ outputFolder, cases }) : `${cases} cases  ${outputFolder}\n`);
  return 0;
}
