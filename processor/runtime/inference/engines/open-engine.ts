import { WorkerFailure } from "../worker-messages.js";
import type { CpuFacts } from "./cpu-facts.js";
import type { CpuEngineChoice, OpenvinoChoice } from "./engine-choice.js";
import { fasterOf, type MeasuredEngines, rememberEngine } from "./engine-memo.js";
import { networkKind } from "./engine-table.js";
import type { EngineFacts, InferenceEngine } from "./inference-engine.js";
import { type OnnxRuntimeOptions, onnxRuntimeEngine } from "./onnxruntime.js";
import { openvinoEngine } from "./openvino.js";

/** A loaded engine, and what the user should know about the choice. */
export interface OpenedEngine {
  readonly engine: InferenceEngine;
  readonly facts: EngineFacts;
  readonly note: string | null;
}

/**
 * Loads a model in the engine that was chosen.
 *
 * @throws WorkerFailure with the reason `engine` if OpenVINO does not load the network and was asked for
 */
export async function openEngine(
  choice: CpuEngineChoice,
  options: OnnxRuntimeOptions,
): Promise<OpenedEngine> {
  const openOnnxRuntime = (note: string | null) => opened(onnxRuntimeEngine(options), note);
  if (choice.engine === "onnxruntime") return openOnnxRuntime(null);
  if (choice.engine === "measure") return openFaster(choice, options);
  try {
    return await opened(chosenOpenvino(choice.openvino, options), null);
  } catch (error) {
    const { message } = error as Error;
    if (choice.mayFallBack) return openOnnxRuntime(refusal(message));
    throw new WorkerFailure("engine", message);
  }
}

const refusal = (message: string): string =>
  `OpenVINO does not run the network, so ONNX Runtime does: ${message}`;

async function opened(engine: InferenceEngine, note: string | null): Promise<OpenedEngine> {
  try {
    return { engine, facts: await engine.open(), note };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

const chosenOpenvino = (choice: OpenvinoChoice, options: OnnxRuntimeOptions): InferenceEngine => {
  const { window, threads, keepsFeatureMaps } = options;
  const holdsAllFolds = keepsFeatureMaps || choice.onnxFiles.length === 1;
  return openvinoEngine({ ...choice, window, threads, holdsAllFolds });
};

/** Runs one window in each engine, and keeps the faster one. */
async function openFaster(
  { openvino, cpu }: { readonly openvino: OpenvinoChoice; readonly cpu: CpuFacts },
  options: OnnxRuntimeOptions,
): Promise<OpenedEngine> {
  const onnxruntime = await opened(onnxRuntimeEngine(options), null);
  let other: OpenedEngine;
  try {
    other = await opened(chosenOpenvino(openvino, options), null);
  } catch (error) {
    return { ...onnxruntime, note: refusal((error as Error).message) };
  }
  const measured: MeasuredEngines = {
    onnxruntimeMs: await timeOfWindow(onnxruntime.engine),
    openvinoMs: await timeOfWindow(other.engine),
  };
  const kind = networkKind(options.window);
  await rememberEngine(process.env, { cpu, kind, measured });
  const isOpenvino = fasterOf(measured) === "openvino";
  const [kept, closed] = isOpenvino ? [other, onnxruntime] : [onnxruntime, other];
  await closed.engine.close();
  return { ...kept, note: measurementNote(measured, cpu) };
}

const measurementNote = ({ onnxruntimeMs, openvinoMs }: MeasuredEngines, { model }: CpuFacts): string =>
  `one window takes ${onnxruntimeMs.toFixed(0)} ms with ONNX Runtime and ${openvinoMs.toFixed(0)} ms with OpenVINO on this CPU (${model})`;

/** A first run that is shorter than this is repeated, because it allocates memory. */
const shortRunMs = 1000;

async function timeOfWindow(engine: InferenceEngine): Promise<number> {
  const once = async (): Promise<number> => {
    const start = performance.now();
    await engine.run(0, 1, (input) => input.fill(0.5));
    return performance.now() - start;
  };
  const first = await once();
  return first < shortRunMs ? Math.min(await once(), await once()) : first;
}
