import { openvinoVersion } from "../../processor/contract/openvino-libraries.js";
import { onnxRuntimeVersion } from "../../processor/runtime/inference/onnx-runtime.js";
import { architectureHere, type Machine, openvinoFolder } from "../base-image/install-openvino.js";

/** A program that computes networks on a CPU, on this machine. */
export interface InferenceEngineState {
  readonly engine: "onnxruntime" | "openvino";
  /** Null if this program cannot use the engine on this machine. */
  readonly version: string | null;
  readonly isInstalled: boolean;
  /** Null for ONNX Runtime, which is one of this program's own packages, and for an engine that is not installed. */
  readonly folder: string | null;
}

/** Returns the state of every engine. */
export async function listInferenceEngines(machine: Machine): Promise<readonly InferenceEngineState[]> {
  const folder = await openvinoFolder(machine);
  return [
    { engine: "onnxruntime", version: await onnxRuntimeVersion(), isInstalled: true, folder: null },
    {
      engine: "openvino",
      version: architectureHere() === null ? null : openvinoVersion,
      isInstalled: folder !== null,
      folder,
    },
  ];
}
