import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import { FolderSource } from "../model-source/folder-source.js";
import type { SourceContext } from "../model-source/open-model-source.js";
import { openModelSource } from "../model-source/open-model-source.js";
import { ZipSource } from "../model-source/zip-source.js";
import { needsOf, noChoices, noTaskOptions, taskModels } from "../models/totalsegmentator-models.js";
import type { WorkContext } from "../models/work-context.js";
import { inspectModels } from "./inspect-models.js";
import type { ModelsInspection } from "./inspection.js";

interface TaskInspectOptions extends WorkContext {
  readonly openContext: () => Promise<SourceContext>;
}

/** Describes all networks of one of TotalSegmentator's tasks, whose weights it fetches if necessary. */
export async function inspectTask(address: string, options: TaskInspectOptions): Promise<ModelsInspection> {
  const needs = needsOf(noTaskOptions, "image");
  const { members } = await taskModels([address], { needs, others: noChoices }, options);
  const found: ModelsInspection[] = [];
  for (const { model } of members) found.push(await inspectNetwork(model, options));
  return {
    inspectionVersion: 1,
    source: address,
    kind: "models",
    sizeBytes: found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    models: found.flatMap(({ models }) => models),
  };
}

async function inspectNetwork(
  { folder, tree }: TrainedModel,
  { openContext }: TaskInspectOptions,
): Promise<ModelsInspection> {
  if (tree === null) return inspectModels(await FolderSource.open(folder), { folder });
  const context = await openContext();
  const isRemote = /^https?:/.test(tree.address);
  const source = isRemote
    ? await openModelSource(tree.address, context)
    : await ZipSource.open(tree.address, context.store);
  try {
    return await inspectModels(source, { context });
  } finally {
    await source.close();
  }
}
