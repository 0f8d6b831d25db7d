import { dirname, relative } from "node:path";
import type { NonEmpty } from "../../processor/contract/non-empty.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { writeFileWhole } from "../../processor/files/write-file.js";
import type { ConfigJson } from "../config/config.js";
import { initialConfig } from "../config/initial-config.js";
import { checkConfig } from "../config/load-config.js";
import { describeRunnable } from "../convert/fold-network.js";
import { lockFileNextTo } from "../download/lock-file.js";
import { trainedModel } from "../models/obtain-model.js";
import { membersOf } from "../models/obtain-models.js";
import type { CommandSession } from "./command-session.js";

export interface BestForConfig {
  readonly members: NonEmpty<{ readonly folder: string; readonly configuration: string }>;
  readonly folds: readonly (number | "all")[];
  /** The model of a cascade's first stage, if it is not the one that a build finds by itself. */
  readonly previousStage: string | null;
  /** Null for no post-processing. */
  readonly postProcessingFile: string | null;
}

/**
 * Writes a config.json with nnU-Net's defaults for a build, as `init` does. Its paths are relative to its folder, so that
 * both can be moved together.
 */
export async function writeBestConfig(
  path: string,
  { members, folds: chosen, previousStage, postProcessingFile }: BestForConfig,
  session: CommandSession,
): Promise<void> {
  const folder = dirname(path);
  const place = (file: string): string => relative(folder, file) || ".";
  const folds = chosen.map(String);
  const named = {
    modelDirs: [members[0].folder],
    task: null,
    configurations: null,
    checkpointName: null,
    nvidia: null,
    folds,
  };
  const trained = await trainedModel(membersOf(named)[0]!, { ...session, lockFile: lockFileNextTo(path) });
  const initial = initialConfig({
    trained,
    description: await describeRunnable(trained),
    modelSource: place(members[0].folder),
    checkpointName: null,
    folds,
    target: {},
    nvidia: null,
  });
  const ensemble = members.map((member) => ({
    model: place(member.folder),
    configuration: member.configuration,
  }));
  // A config names one model, or the members of an ensemble.
  const models = Object.entries(initial).filter(
    ([key]) => members.length === 1 || (key !== "model" && key !== "configuration"),
  );
  const config: ConfigJson = {
    ...Object.fromEntries(models),
    ...(members.length === 1 ? {} : { ensemble }),
    ...(previousStage === null ? {} : { previous_stage: place(previousStage) }),
    postprocessing: postProcessingFile !== null && place(postProcessingFile),
  };
  checkConfig(config, { path });
  await makeFolder(folder);
  await writeFileWhole(path, [Buffer.from(`${JSON.stringify(config, null, 2)}\n`)]);
}
