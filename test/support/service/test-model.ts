import type { ServedModel } from "../../../processor/runtime/service/models/served-model.js";

/** A model of one channel, whose folder nobody opens. */
export const testModel = (id: string, changes: Partial<ServedModel> = {}): ServedModel => ({
  id,
  name: id,
  aliases: [],
  relPath: `${id}_model`,
  path: `/models/${id}_model`,
  error: null,
  metadata: null,
  minMemoryMib: 100,
  defaultArgs: {},
  source: null,
  information: { labels: { background: 0, organ: 1 } },
  channels: ["CT"],
  labels: [
    { name: "background", value: 0 },
    { name: "organ", value: 1 },
  ],
  weightBytes: null,
  license: null,
  ...changes,
});
