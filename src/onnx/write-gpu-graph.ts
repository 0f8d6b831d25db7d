import { writeFile } from "node:fs/promises";
import { encodeModel } from "./encode-model.js";
import { type AveragedOutput, foldWeight, gpuGraph } from "./gpu-graph.js";
import type { OnnxGraph } from "./onnx-graph.js";
import { externalData } from "./write-network.js";

export interface FoldGraph {
  readonly graph: OnnxGraph;
  /** The file that `writeNetwork` wrote, in the folder of the graph for GPUs. */
  readonly weightsFile: string;
}

/**
 * Writes the graph of all folds as a new file. It refers to the weights that `writeNetwork` wrote in the same
 * folder.
 */
export async function writeGpuGraph(
  folds: readonly FoldGraph[],
  averaged: AveragedOutput,
  file: string,
): Promise<void> {
  const body = gpuGraph(folds[0]!.graph, { folds: folds.length, averaged });
  const used = new Set(body.nodes.flatMap(({ inputs }) => inputs));
  const data = folds.flatMap(({ graph, weightsFile }, fold) =>
    externalData(graph, weightsFile)
      .map((item) => ({ ...item, name: foldWeight(fold, item.name) }))
      .filter(({ name }) => used.has(name)),
  );
  await writeFile(file, encodeModel({ body, data }), { flag: "wx" });
}
