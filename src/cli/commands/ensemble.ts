import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { ensembleFolders } from "../../nnunet/selection/ensemble-folders.js";
import { ensembleFoldersOfV1 } from "../../nnunet/selection/v1/ensemble-folders-v1.js";
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
  const postProcessing = args["post-processing"];
  if (postProcessing !== undefined && args.nnunet === "v2")
    throw sharedError("USAGE", "ensemble --post-processing is v1's; for v2, `postprocess apply` follows");
  const common = {
    folders: [first, ...others],
    outputFolder,
    savesProbabilities: args["save-probabilities"],
    progress,
    signal,
  } as const;
  const cases =
    args.nnunet === "v2"
      ? await ensembleFolders(common)
      : await ensembleFoldersOfV1({
          ...common,
          postProcessingFile: postProcessing === undefined ? null : resolve(currentDirectory, postProcessing),
        });
  terminal.out(args.json ? jsonText({ outputFolder, cases }) : `${cases} cases  ${outputFolder}\n`);
  return 0;
}
