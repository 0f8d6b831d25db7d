import type { Target } from "../../../processor/contract/target.js";
import { type ImageLayer, type LayerEntry, layerFile, sortedEntries } from "../../image/image-plan.js";
import { processorEntrypoint } from "../../image/processor-files.js";
import { imageForTarget, type TargetImage } from "../../image/target-image.js";

/** Adds a Python and the platform's working directory to the image. */
export const amosImage = (target: Target, pythonFiles: readonly LayerEntry[]): TargetImage => ({
  ...imageForTarget(target),
  firstLayers: [
    { name: "python", entries: sortedEntries(pythonFiles) },
    { name: "workspace", entries: workspace },
  ],
  workingDir: "/workspace",
  // The platform's own command line follows the image's name.
  entrypoint: [],
  command: ["python", "run_inference.py"],
});

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
