import type { TaskIdentity } from "../../processor/contract/manifest.js";

/** Parses a name such as `Dataset504_BrainTissue` or `Task004_Hippocampus`. A user's own name may have no number. */
export function taskIdentity(datasetName: string): TaskIdentity {
  const [, id, name] = /^(?:Dataset|Task)(\d{3,})_(.+)$/.exec(datasetName) ?? [];
  return name === undefined ? { id: null, name: datasetName } : { id: Number(id), name };
}
