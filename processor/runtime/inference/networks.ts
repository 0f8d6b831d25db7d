import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Device, InferenceEngineChoice, Precision } from "../../contract/run-settings.js";
import { threadLimits } from "../../imaging/threads/thread-limits.js";
import { runtimeError } from "../errors.js";
import type { GpuNetworks } from "../model/load-model.js";
import type { Prepared } from "../preprocess/prepared.js";
import { chooseGpu, type GpuNeeds, shownGpu, variablesFor } from "./choose-gpu.js";
import { cudaLoadError, findGpuProblem, freeDeviceMemory, readGpuNeeds, requireCuda } from "./cuda-check.js";
import { hasCudaProvider } from "./cuda-provider.js";
import { computingThreads } from "./engines/cpu-facts.js";
import { type CpuEngineChoice, chooseCpuEngine } from "./engines/engine-choice.js";
import type { WindowShape } from "./engines/inference-engine.js";
import { type GpuFacts, readGpuFacts } from "./gpu-facts.js";
import { loadError } from "./inference-errors.js";
import { closeThread, Mailbox, post } from "./inference-thread.js";
import type { LogitStream } from "./logit-slab.js";
import { type PredictLabelsOptions, type PredictOptions, slabsOf, writeLabels } from "./predicted-slabs.js";
import type { FromInferenceWorker } from "./worker-messages.js";

export interface OpenNetworksOptions {
  /** One ONNX file for each fold. */
  readonly onnxFiles: readonly string[];
  /** The same networks in the form for OpenVINO; absent or null if there are none. */
  readonly plainOnnxFiles?: readonly string[] | null;
  /** The same networks for GPUs; absent or null if there are none. */
  readonly gpuNetworks?: GpuNetworks | null;
  readonly window: WindowShape;
  readonly device: Device;
  /** The GPU that runs them, by a name for CUDA_VISIBLE_DEVICES; absent or null to choose one. */
  readonly gpu?: string | null;
  /** `auto` when absent. */
  readonly precision?: Precision;
  /** The program that computes on a CPU; `auto` when absent. */
  readonly inferenceEngine?: InferenceEngineChoice;
  /** The threads that compute on a CPU; absent or null for the cores that this process may use. */
  readonly threads?: number | null;
  /** True if each fold keeps memory for its feature maps, which saves time on the CPU; false when absent. */
  readonly keepsFeatureMaps?: boolean;
  /** Called before anything is loaded. */
  readonly onEngineChoice?: (choice: CpuEngineChoice) => void;
}

/** The folds of one model, which are loaded once, in a thread of their own. */
export interface Networks {
  /** What runs them: an execution provider of ONNX Runtime, or a plug-in of OpenVINO. */
  readonly executionProvider: string;
  /** The name and version of the program that runs them. */
  readonly program: string;
  readonly isHalfPrecision: boolean;
  /** The GPU that was chosen, by its name for CUDA_VISIBLE_DEVICES; null on a CPU, and if CUDA chooses. */
  readonly gpu: string | null;
  /** What the user should know about the choice of the program or the GPU; null for nothing. */
  readonly engineNote: string | null;
  /** Predicts one case. The next call must wait until all slabs of this case have been read. */
  predict(prepared: Prepared, options: PredictOptions): LogitStream;
  /**
   * Predicts one case and writes its labels on the network's own grid. Memory holds less than for the outputs of all heads.
   * A network in half precision cannot do it.
   */
  predictLabels(prepared: Prepared, options: PredictLabelsOptions): Promise<void>;
  close(): Promise<void>;
}

/**
 * Loads all folds. `auto` uses CUDA if it loads, otherwise the CPU; `executionProvider` names the one that runs.
 *
 * @throws PRECISION_UNFIT, INFERENCE_ENGINE_UNFIT; DEVICE_MISSING and DEVICE_UNFIT if CUDA is requested and does not run here; INFERENCE_FAILED
 *   if a file does not load
 */
export async function openNetworks(options: OpenNetworksOptions): Promise<Networks> {
  const { onnxFiles, window, keepsFeatureMaps = false } = options;
  checkPrecision(options);
  const cpuEngine = await chooseCpuEngine({
    device: options.device,
    onnxFiles,
    window,
    precision: options.precision ?? "auto",
    inferenceEngine: options.inferenceEngine ?? "auto",
    plainOnnxFiles: options.plainOnnxFiles ?? null,
  });
  options.onEngineChoice?.(cpuEngine);
  const facts = options.device !== "cpu" && hasCudaProvider() ? await factsFor(options.gpu ?? null) : null;
  const needs = await readGpuNeeds(onnxFiles);
  if (options.device === "cuda" && facts !== null) requireCuda(facts, needs);
  const worker = new Worker(new URL("./inference-worker.js", import.meta.url), {
    resourceLimits: threadLimits,
  });
  const mailbox = new Mailbox(worker);
  const threads = options.threads ?? computingThreads();
  const tries = devicesToTry(options, facts, needs);
  for (const device of tries) {
    if (device === "cuda" && facts === null) {
      await worker.terminate();
      throw runtimeError(
        "DEVICE_MISSING",
        "CUDA was requested, but this installation has no CUDA execution provider",
      );
    }
    const gpuNetworks = computesInFloat16(options, device) ? (options.gpuNetworks ?? null) : null;
    const gpu = device === "cuda" && facts !== null ? chooseGpu(facts, needs) : null;
    const freeDeviceBytes = device === "cuda" && facts !== null ? freeDeviceMemory(facts, needs) : null;
    post(worker, {
      type: "load",
      onnxFiles,
      gpuNetworks,
      window,
      device,
      cpuEngine,
      threads,
      keepsFeatureMaps,
      freeDeviceBytes,
      gpuVariables: device === "cuda" && facts !== null ? variablesFor(facts, gpu) : {},
    });
    const reply = await mailbox.next();
    if (reply.type === "loaded") {
      const note = gpu === null || (facts?.machine ?? []).length < 2 ? null : `it runs on ${shownGpu(gpu)}`;
      return networksOf(worker, mailbox, {
        ...reply,
        gpu: gpu?.id ?? null,
        engineNote: reply.engineNote ?? note,
      });
    }
    if (reply.type !== "failed") throw new Error(`unexpected ${reply.type} while loading`);
    if (reply.reason === "device" && device !== tries.at(-1)) continue;
    await worker.terminate();
    if (reply.reason === "engine")
      throw runtimeError("INFERENCE_ENGINE_UNFIT", `OpenVINO does not run the network: ${reply.message}`);
    throw reply.reason === "device"
      ? cudaLoadError(reply.message)
      : loadError(dirname(onnxFiles[0]!), reply.message);
  }
  throw new Error("no device was tried");
}

const factsFor = (gpu: string | null): Promise<GpuFacts> =>
  readGpuFacts(gpu === null ? {} : { environment: { ...process.env, CUDA_VISIBLE_DEVICES: gpu } });

function checkPrecision({ onnxFiles, gpuNetworks, precision }: OpenNetworksOptions): void {
  if (precision !== "float16" || (gpuNetworks ?? null) !== null) return;
  throw runtimeError("PRECISION_UNFIT", `${onnxFiles[0]} has no graph next to it that computes in float16`);
}

const computesInFloat16 = ({ precision = "auto" }: OpenNetworksOptions, device: "cpu" | "cuda"): boolean =>
  precision === "auto" ? device === "cuda" : precision === "float16";

/**
 * Returns the devices in the order in which they are tried. `auto` checks for CUDA first, because ONNX Runtime writes
 * to stderr if a requested provider can't load.
 */
function devicesToTry(
  { device, precision, inferenceEngine }: OpenNetworksOptions,
  facts: GpuFacts | null,
  needs: GpuNeeds,
): readonly ("cpu" | "cuda")[] {
  if (device !== "auto") return [device];
  if (inferenceEngine === "openvino" || precision === "bfloat16") return ["cpu"];
  return facts !== null && findGpuProblem(facts, needs) === null ? ["cuda", "cpu"] : ["cpu"];
}

function networksOf(
  worker: Worker,
  mailbox: Mailbox,
  {
    executionProvider,
    program,
    isHalfPrecision,
    engineNote,
    gpu,
  }: Extract<FromInferenceWorker, { type: "loaded" }> & Pick<Networks, "gpu">,
): Networks {
  return {
    executionProvider,
    program,
    isHalfPrecision,
    engineNote,
    gpu,
    predict(prepared, options) {
      const isProbability = options.plan.averaging === "probabilities";
      const stream = {
        heads: options.heads,
        sizeZyx: prepared.sizeZyx,
        kind: isProbability ? "probabilities" : "logits",
      } as const;
      return { ...stream, slabs: slabsOf({ worker, mailbox, executionProvider }, prepared, options) };
    },
    predictLabels: (prepared, options) =>
      writeLabels({ worker, mailbox, executionProvider }, prepared, options),
    close: () => closeThread(worker),
  };
}
