import { join } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { exists } from "../../../processor/files/exists.js";
import { findDataset } from "../../nnunet/find-dataset.js";
import { nnunetFolders, requireFolder } from "../../nnunet/folders.js";
import { movePlans } from "../../nnunet/model-files/move-plans.js";
import type { CommandSession } from "../command-session.js";
import { jsonText } from "../json-text.js";
import type { movePlansOptions } from "../options/model-file-options.js";

type MovePlansArguments = InferredOptionTypes<typeof movePlansOptions> & {
  readonly source: string;
  readonly target: string;
};

/** `build_processor move-plans`: copies plans to another data set. */
export async function runMovePlans(args: MovePlansArguments, session: CommandSession): Promise<number> {
  const { terminal, environment, currentDirectory } = session;
  const folders = nnunetFolders({ environment, currentDirectory }, 2);
  const preprocessed = requireFolder(folders, "preprocessed");
  const source = await findDataset(String(args.source), folders, currentDirectory);
  const target = await findDataset(String(args.target), folders, currentDirectory);
  const newName = args["new-name"] ?? args.plans;
  const preprocessedFolder = join(preprocessed, target.name);
  const file = join(preprocessedFolder, `${newName}.json`);
  if (!args.overwrite && (await exists(file))) throw sharedError("OUTPUT_EXISTS", `${file} already exists`);
  await movePlans({
    sourceFolder: join(preprocessed, source.name),
    plans: args.plans,
    target: { name: target.name, rawFolder: target.rawFolder, preprocessedFolder },
    newName,
    environment,
  });
  terminal.out(args.json ? jsonText({ file }) : `written    ${file}\n`);
  return 0;
}
