import { processorLabels } from "../../processor/contract/labels.js";
import { layerPath, places } from "../../processor/contract/places.js";
import type { Target, TargetFile } from "../../processor/contract/target.js";
import { type ImageLayer, type ImagePlan, type LayerFile, layerFile } from "./image-plan.js";
import { processorEntrypoint } from "./processor-files.js";

/** The part of an image that depends on its target. */
export interface TargetImage
  extends Pick<ImagePlan, "labels" | "workingDir" | "entrypoint" | "command" | "env"> {
  /** The layers below the weights, which change less often than any model. */
  readonly firstLayers: readonly ImageLayer[];
  readonly lastLayers: readonly ImageLayer[];
}

/** Returns the parts that most targets need: the processor as the command, and a file that names the target. */
export const imageForTarget = (target: Target): TargetImage => ({
  firstLayers: [],
  lastLayers: [{ name: "target", entries: [targetFile(target)] }],
  labels: { [processorLabels.target]: target.kind },
  env: {},
  workingDir: "/",
  entrypoint: processorEntrypoint,
  command: [],
});

function targetFile(target: Target): LayerFile {
  const file: TargetFile = { targetVersion: 1, target };
  return layerFile(layerPath(places.image.target), { text: `${JSON.stringify(file, null, 2)}\n` });
}
