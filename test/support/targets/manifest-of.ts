import type { ModelManifest, ProcessorManifest } from "../../../processor/contract/manifest.js";
import { testSettings } from "../model/convert.js";

/** Returns a manifest with the fields that a platform reads. */
export function manifestOf(
  channelNames: readonly string[],
  largestLabel = 2,
  imageReader = "SimpleITKIO",
): ProcessorManifest {
  const model = {
    channelNames,
    plan: { imageReader } as ModelManifest["plan"],
    labels: {
      names: [
        { name: "background", value: 0 },
        { name: "liver", value: largestLabel },
      ],
      foregroundLabels: [largestLabel],
      regionsClassOrder: null,
      ignoreLabel: null,
    },
  } as Partial<ModelManifest> as ModelManifest;
  const task = { id: 1, name: "Test" };
  return {
    manifestVersion: 1,
    task,
    settings: testSettings,
    models: [model],
    totalsegmentator: null,
    postProcessing: [],
  };
}
