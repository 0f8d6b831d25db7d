import { foreignLabels, processorLabels } from "../../processor/contract/labels.js";
import { layerPath, places } from "../../processor/contract/places.js";
import type { Target, TargetFile } from "../../processor/contract/target.js";
import {
  type ImageLayer,
  type ImagePlan,
  type LayerEntry,
  type LayerFile,
  layerFile,
  sortedEntries,
} from "./image-plan.js";
import { processorEntrypoint } from "./processor-files.js";

/** What a target decides about an image. */
export interface TargetImage
  extends Pick<ImagePlan, "labels" | "workingDir" | "entrypoint" | "command" | "env"> {
  /** Under the weights: they change less often than any model. */
  readonly firstLayers: readonly ImageLayer[];
  readonly lastLayers: readonly ImageLayer[];
}

/** @param pythonFiles a Python for targets that start one; empty for others */
export function targetImage(target: Target, pythonFiles: readonly LayerEntry[]): TargetImage {
  const common: TargetImage = {
    firstLayers: [],
    lastLayers: target.kind === "plain" ? [] : [{ name: "target", entries: [targetFile(target)] }],
    labels: { [processorLabels.target]: target.kind },
    env: {},
    workingDir: "/",
    entrypoint: processorEntrypoint,
    command: [],
  };
  if (target.kind === "grand-challenge")
    return {
      ...common,
      labels: { ...common.labels, [foreignLabels.apiMethod]: target.apiMethod },
      // The other method is one word away: `docker run IMAGE exec`.
      command: [target.apiMethod],
    };
  if (target.kind === "amos22")
    return {
      ...common,
      firstLayers: [
        { name: "python", entries: sortedEntries(pythonFiles) },
        { name: "workspace", entries: workspace },
      ],
      workingDir: "/workspace",
      // The platform's own command line follows the image's name.
      entrypoint: [],
      command: ["python", "run_inference.py"],
    };
  return common;
}

function targetFile(target: Target): LayerFile {
  const file: TargetFile = { targetVersion: 1, target };
  return layerFile(layerPath(places.image.target), { text: `${JSON.stringify(file, null, 2)}\n` });
}

const runInference = `"""Starts the processor, which segments every image of ./input or /input."""

import os
import sys

os.execv("${processorEntrypoint[0]}", ${JSON.stringify(processorEntrypoint)} + sys.argv[1:])
`;

const workspace: ImageLayer["entries"] = sortedEntries([
  { kind: "directory", path: "workspace", mode: 0o755 },
  { kind: "directory", path: "workspace/input", mode: 0o755 },
  { kind: "directory", path: "workspace/output", mode: 0o777 },
  layerFile("workspace/run_inference.py", { text: runInference }),
]);
