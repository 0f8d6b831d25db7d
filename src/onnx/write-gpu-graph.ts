import { writeFile } from "node:fs/promises";
import { encodeModel } from "./encode-model.js";
import { type AveragedAnswer, foldWeight, gpuGraph } from "./gpu-graph.js";
import type { OnnxGraph } from "./onnx-graph.js";
import { externalData } from "./write-network.js";

export interface FoldGraph {
  readonly graph: OnnxGraph;
  /** As `writeNetwork` wrote it, in the folder of the graph for GPUs. */
  readonly weightsFile: string;
}

/** Writes the graph of all folds as a new file, which reads the weights that `writeNetwork` wrote beside it. */
export async function writeGpuGraph(
  folds: readonly FoldGraph[],
  averaged: AveragedAnswer,
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
