import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheFolderOrNull } from "../../../contract/cache-folder.js";
import {
  openvinoEntryLibrary,
  openvinoFolders,
  openvinoFolderVariable,
} from "../../../contract/openvino-libraries.js";
import type { Device, InferenceEngineChoice, Precision } from "../../../contract/run-settings.js";
import { runtimeError } from "../../errors.js";
import { type CpuFacts, readCpuFacts } from "./cpu-facts.js";
import { recallEngine } from "./engine-memo.js";
import { fasterEngine, networkKind } from "./engine-table.js";
import type { CpuPrecision, WindowShape } from "./inference-engine.js";

/** The engine that computes on a CPU. */
export type CpuEngineChoice =
  | { readonly engine: "onnxruntime" }
  | {
      readonly engine: "openvino";
      readonly openvino: OpenvinoChoice;
      /** True if ONNX Runtime may run a network that OpenVINO refuses. */
      readonly mayFallBack: boolean;
    }
  /** The faster one, which is not known yet. */
  | { readonly engine: "measure"; readonly openvino: OpenvinoChoice; readonly cpu: CpuFacts };

export interface OpenvinoChoice {
  /** The folder with the libraries. */
  readonly folder: string;
  readonly onnxFiles: readonly string[];
  readonly precision: CpuPrecision;
}

export interface EngineWish {
  readonly inferenceEngine: InferenceEngineChoice;
  readonly device: Device;
  readonly precision: Precision;
  readonly onnxFiles: readonly string[];
  /** Null if there are none. */
  readonly plainOnnxFiles: readonly string[] | null;
  readonly window: WindowShape;
}

export interface EngineSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cpu: CpuFacts;
}

/**
 * Chooses the engine for the CPU. What is asked for runs, or is an error; `auto` takes the faster one of those that are
 * there.
 *
 * @throws INFERENCE_ENGINE_UNFIT, PRECISION_UNFIT
 */
export async function chooseCpuEngine(
  wish: EngineWish,
  { environment, cpu }: EngineSurroundings = { environment: process.env, cpu: readCpuFacts() },
): Promise<CpuEngineChoice> {
  const { inferenceEngine, precision, onnxFiles, plainOnnxFiles, window } = wish;
  checkPrecision(wish, cpu);
  if (inferenceEngine === "onnxruntime" || precision === "float16") return { engine: "onnxruntime" };
  const folder = findOpenvino(environment);
  const isNeeded = inferenceEngine === "openvino" || precision === "bfloat16";
  if (folder === null) {
    if (isNeeded) throw missingOpenvino(environment);
    return { engine: "onnxruntime" };
  }
  const openvino = {
    folder,
    onnxFiles: plainOnnxFiles ?? onnxFiles,
    precision: precision === "bfloat16" ? "bfloat16" : "float32",
  } as const;
  if (isNeeded) return { engine: "openvino", openvino, mayFallBack: false };
  // The network for ONNX Runtime is slower in OpenVINO than in ONNX Runtime.
  if (plainOnnxFiles === null) return { engine: "onnxruntime" };
  const kind = networkKind(window);
  const faster = fasterEngine(cpu.instructions, kind) ?? (await recallEngine(environment, cpu, kind));
  if (faster === null) return { engine: "measure", openvino, cpu };
  return faster === "openvino"
    ? { engine: "openvino", openvino, mayFallBack: true }
    : { engine: "onnxruntime" };
}

/** Returns the folder with OpenVINO's libraries; null if there is none, or if this system has none. */
export function findOpenvino(environment: EngineSurroundings["environment"]): string | null {
  if (process.platform !== "linux") return null;
  const folders = openvinoFolders(environment, cacheFolderOrNull(environment));
  return folders.find((folder) => existsSync(join(folder, openvinoEntryLibrary))) ?? null;
}

function checkPrecision({ inferenceEngine, device, precision }: EngineWish, cpu: CpuFacts): void {
  const unfit = (message: string) => runtimeError("PRECISION_UNFIT", message);
  if (inferenceEngine === "openvino" && device === "cuda")
    throw runtimeError("INFERENCE_ENGINE_UNFIT", "OpenVINO runs on the CPU, but the device is cuda");
  if (inferenceEngine === "openvino" && precision === "float16")
    throw unfit("OpenVINO computes in float32 or bfloat16, but float16 is asked for");
  if (precision !== "bfloat16") return;
  if (device === "cuda") throw unfit("bfloat16 is for CPUs, but the device is cuda");
  if (inferenceEngine === "onnxruntime")
    throw unfit("ONNX Runtime computes in float32 on a CPU; bfloat16 needs the inference engine openvino");
  if (!cpu.hasBfloat16)
    throw unfit(`this CPU (${cpu.model}) has no instructions for bfloat16 (AMX or AVX512_BF16)`);
}

function missingOpenvino(environment: EngineSurroundings["environment"]) {
  const folders = openvinoFolders(environment, cacheFolderOrNull(environment));
  const where =
    process.platform === "linux"
      ? `${openvinoEntryLibrary} is not in ${folders.join(" or ")} (${openvinoFolderVariable} names another folder)`
      : "it is used on Linux only";
  return runtimeError("INFERENCE_ENGINE_UNFIT", `OpenVINO is not there: ${where}`);
}
