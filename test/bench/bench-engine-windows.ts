import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { computingThreads, readCpuFacts } from "../../processor/runtime/inference/engines/cpu-facts.js";
import { findOpenvino } from "../../processor/runtime/inference/engines/engine-choice.js";
import { type NetworkKind, networkKind } from "../../processor/runtime/inference/engines/engine-table.js";
import type { InferenceEngine } from "../../processor/runtime/inference/engines/inference-engine.js";
import { onnxRuntimeEngine } from "../../processor/runtime/inference/engines/onnxruntime.js";
import { openvinoEngine } from "../../processor/runtime/inference/engines/openvino.js";
import { windowShape } from "../../processor/runtime/inference/network-set.js";
import { goldenPath } from "../support/golden.js";
import { withConvertedModel } from "../support/model/convert.js";
import type { BenchRow } from "./bench-row.js";
import { writeFullSizeModel } from "./full-size-model.js";

const rounds = 5;

interface Compared {
  readonly row: BenchRow;
  readonly kind: NetworkKind;
  /** The time of a window with OpenVINO, divided by that with ONNX Runtime. */
  readonly ratio: number;
}

/** The time of one window with each engine, in turn, and the rows of `engine-table.ts` for this machine's CPU. */
export async function benchEngineWindows(): Promise<readonly BenchRow[]> {
  const folder = findOpenvino(process.env);
  if (folder === null)
    throw new Error("OpenVINO is not there: `build_processor inference-engines install` fetches it");
  const compared: Compared[] = [];
  for (const name of ["blobs_2d", "blobs_3d_fullres", "brain_tissue_3d", "mr_regions_resenc_3d"])
    compared.push(await compare(name, goldenPath("v2", name, "model"), folder));
  const scratch = mkdtempSync(join(tmpdir(), "bench-engines-"));
  try {
    const model = await writeFullSizeModel(join(scratch, "model"));
    compared.push(await compare("full-size network", model, folder));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  console.log(`The rows of engine-table.ts for this CPU:\n${tableRows(compared).join("\n")}\n`);
  return compared.map(({ row }) => row);
}

/** Returns a row for each kind of network. Of several networks of a kind, the one with the least gain counts. */
function tableRows(compared: readonly Compared[]): readonly string[] {
  const { instructions } = readCpuFacts();
  return [...new Set(compared.map(({ kind }) => kind))].map((kind) => {
    const ratio = Math.max(...compared.filter((one) => one.kind === kind).map((one) => one.ratio));
    return `  { instructions: "${instructions}", kind: "${kind}", ratio: ${ratio.toFixed(2)} },`;
  });
}

const compare = (name: string, modelDir: string, openvinoFolder: string): Promise<Compared> =>
  withConvertedModel(modelDir, async ({ folder, manifest }) => {
    const [model] = manifest.models;
    const { onnxFile, plainOnnxFile } = model!.folds[0]!;
    const window = windowShape(model!);
    const shared = { window, threads: computingThreads() };
    const onnxFiles = [join(folder, onnxFile)];
    // Networks in 2-D have the same form for both.
    const openvinoFiles = [join(folder, plainOnnxFile ?? onnxFile)];
    const onnxruntime = onnxRuntimeEngine({
      ...{ ...shared, onnxFiles, gpuNetworks: null, device: "cpu", keepsFeatureMaps: true },
    });
    const openvino = openvinoEngine({
      ...{ ...shared, onnxFiles: openvinoFiles, precision: "float32" },
      ...{ folder: openvinoFolder, holdsAllFolds: true },
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
      const kind = networkKind(window);
      const row = {
        what: `${name}, one window of ${window.patchSize.join("×")}: OpenVINO, ONNX Runtime`,
        ours: `${best.openvino.toFixed(0)} ms`,
        peer: `${best.onnxruntime.toFixed(0)} ms`,
        goal: `${ratio.toFixed(2)}×, ${kind}`,
        isReached: true,
      };
      return { row, kind, ratio };
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
