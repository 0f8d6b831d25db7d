import type { TaskIdentity } from "../../processor/contract/manifest.js";

/** `Dataset504_BrainTissue` and `Task004_Hippocampus` have a number; a name of one's own has none. */
export function taskIdentity(datasetName: string): TaskIdentity {
  const [, id, name] = /^(?:Dataset|Task)(\d{3,})_(.+)$/.exec(datasetName) ?? [];
  return name === undefined ? { id: null, name: datasetName } : { id: Number(id), name };
}
