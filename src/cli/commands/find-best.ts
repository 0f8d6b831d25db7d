import { basename, dirname, join, resolve } from "node:path";
import { shellWord } from "../../ground/shell-word.js";
import { findDatasetNames } from "../../nnunet/find-dataset.js";
import { nnunetFolders } from "../../nnunet/folders.js";
import type { CommandSession } from "../command-session.js";
import { jsonText } from "../json-text.js";
import { programCall } from "../program-call.js";
import type { Terminal } from "../terminal.js";
import { writeBestConfig } from "../write-best-config.js";
import type { FindBestArguments } from "./compared-models.js";
import { compareModelsOfV1 } from "./find-best-v1.js";
import { compareModelsOfV2 } from "./find-best-v2.js";

/** `build_processor find-best`: compares the trained models of each data set. */
export async function runFindBest(args: FindBestArguments, session: CommandSession): Promise<number> {
  const { terminal, environment, currentDirectory } = session;
  const folders = nnunetFolders({ environment, currentDirectory }, args.nnunet === "v1" ? 1 : 2);
  const datasets = await findDatasetNames(args.datasets.map(String), folders);
  const compare = args.nnunet === "v1" ? compareModelsOfV1 : compareModelsOfV2;
  const isOne = datasets.length === 1;
  const reports: object[] = [];
  for (const dataset of datasets) {
    const { best, text, report } = await compare({ dataset, args, folders }, session);
    const named = args["write-config"] ?? null;
    const configFile = isOne || named === null ? named : join(dirname(named), dataset, basename(named));
    // A config.json needs more of the models than the comparison, so it may fail where the choice is made.
    if (!args.json) terminal.out(`${isOne ? "" : `${dataset}\n`}${text}`);
    if (configFile !== null) await writeBestConfig(resolve(currentDirectory, configFile), best, session);
    if (!args.json) terminal.out(nextText(configFile, terminal));
    reports.push(report);
  }
  if (args.json) terminal.out(jsonText(isOne ? reports[0]! : reports));
  return 0;
}

function nextText(configFile: string | null, terminal: Terminal): string {
  const next =
    configFile === null
      ? "--write-config config.json writes the settings of an image"
      : [programCall(terminal), "--config-file", shellWord(configFile)].join(" ");
  return `next       ${next}\n`;
}
