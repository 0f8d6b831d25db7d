import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { computingThreads, readCpuFacts } from "../../processor/runtime/inference/engines/cpu-facts.js";
import { findOpenvino } from "../../processor/runtime/inference/engines/engine-choice.js";
import { networkKind } from "../../processor/runtime/inference/engines/engine-table.js";
import type { InferenceEngine } from "../../processor/runtime/inference/engines/inference-engine.js";
import { onnxRuntimeEngine } from "../../processor/runtime/inference/engines/onnxruntime.js";
import { openvinoEngine } from "../../processor/runtime/inference/engines/openvino.js";
import { windowShape } from "../../processor/runtime/inference/network-set.js";
import { goldenPath } from "../support/golden.js";
import { withConvertedModel } from "../support/model/convert.js";
import type { BenchRow } from "./bench-row.js";
import { writeFullSizeModel } from "./full-size-model.js";

const rounds = 5;

/** The time of one window with each engine, in turn: the rows of `engine-table.ts` for this machine's CPU. */
export async function benchEngineWindows(): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const name of ["blobs_2d", "blobs_3d_fullres", "brain_tissue_3d", "mr_regions_resenc_3d"])
    rows.push(await compare(name, goldenPath("v2", name, "model")));
  const scratch = mkdtempSync(join(tmpdir(), "bench-engines-"));
  try {
    rows.push(await compare("full-size network", await writeFullSizeModel(join(scratch, "model"))));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return rows;
}

const compare = (name: string, modelDir: string): Promise<BenchRow> =>
  withConvertedModel(modelDir, async ({ folder, manifest }) => {
    const [model] = manifest.models;
    const { onnxFile, plainOnnxFile } = model!.folds[0]!;
    const window = windowShape(model!);
    const shared = { window, threads: computingThreads() };
    const onnxFiles = [join(folder, onnxFile)];
    const onnxruntime = onnxRuntimeEngine({
      ...{ ...shared, onnxFiles, gpuNetworks: null, device: "cpu", keepsFeatureMaps: true },
    });
    const openvino = openvinoEngine({
      ...{ ...shared, onnxFiles: [join(folder, plainOnnxFile!)], precision: "float32" },
      ...{ folder: findOpenvino(process.env)!, holdsAllFolds: true },
    });
    try {
      await onnxruntime.open();
      await openvino.open();
      const best = { onnxruntime: Number.POSITIVE_INFINITY, openvino: Number.POSITIVE_INFINITY };
      for (let round = 0; round <= rounds; round++) {
        best.onnxruntime = Math.min(best.onnxruntime, await timeOfWindow(onnxruntime));
        best.openvino = Math.min(best.openvino, await timeOfWindow(openvino));
      }
      const ratio = best.openvino / best.onnxruntime;
      return {
        what: `${name}, one window of ${window.patchSize.join("×")}: OpenVINO, ONNX Runtime`,
        ours: `${best.openvino.toFixed(0)} ms`,
        peer: `${best.onnxruntime.toFixed(0)} ms`,
        goal: `{ instructions: "${readCpuFacts().instructions}", kind: "${networkKind(window)}", ratio: ${ratio.toFixed(2)} }`,
        isReached: true,
      };
    } finally {
      await onnxruntime.close();
      await openvino.close();
    }
  });

/** Returns the time of one window among those that the engine takes together. */
async function timeOfWindow(engine: InferenceEngine): Promise<number> {
  const start = performance.now();
  await engine.run(0, engine.windowsPerRun, (input) => {
    for (let i = 0; i < input.length; i++) input[i] = ((i * 37) % 101) / 50 - 1;
  });
  return (performance.now() - start) / engine.windowsPerRun;
}
