import type { InstructionSet } from "./cpu-facts.js";
import type { EngineName, WindowShape } from "./inference-engine.js";

/** The kinds of networks: those for slices, and those for 3-D windows with few or many voxels. */
export type NetworkKind = "2-D" | "3-D, small windows" | "3-D, large windows";

/** The least number of voxels of a large window. */
const largeVoxels = 80 ** 3;

export function networkKind({ patchSize }: WindowShape): NetworkKind {
  if (patchSize.length === 2) return "2-D";
  const voxels = patchSize.reduce((a, b) => a * b, 1);
  return voxels < largeVoxels ? "3-D, small windows" : "3-D, large windows";
}

interface MeasuredRow {
  readonly instructions: InstructionSet;
  readonly kind: NetworkKind;
  /** The time of a window with OpenVINO, divided by that with ONNX Runtime. */
  readonly ratio: number;
}

/**
 * What `npm run bench engine-windows` measured, which prints such rows; of several small windows, the one with the least
 * gain. Every other CPU is measured when it first runs a network.
 */
const measured: readonly MeasuredRow[] = [
  { instructions: "Intel AVX-512", kind: "2-D", ratio: 0.85 },
  { instructions: "Intel AVX-512", kind: "3-D, small windows", ratio: 0.65 },
  { instructions: "Intel AVX-512", kind: "3-D, large windows", ratio: 0.67 },
];

/** Returns the engine that was faster; null if it was never measured. */
export function fasterEngine(instructions: InstructionSet, kind: NetworkKind): EngineName | null {
  const row = measured.find((one) => one.instructions === instructions && one.kind === kind);
  return row === undefined ? null : row.ratio < 1 ? "openvino" : "onnxruntime";
}
