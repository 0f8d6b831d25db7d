import { type Checked, listOf, orNull, record, text } from "./json-check.js";

/** The driver and GPU that an ONNX Runtime with CUDA needs. The table is `base-image/versions.json`. */
export const gpuRequirements = record({
  /** The toolkit version of the libraries, such as `13.0`. */
  cuda: text,
  cudnn: text,
  /** The oldest Linux driver, in the form that the kernel reports: `580.65.06`. */
  minimumDriver: text,
  /** The architectures for which the execution provider has machine code, such as `8.6`. */
  computeCapabilities: listOf(text),
  /** The architecture of the code that a driver can translate for any newer GPU; null if there is none. */
  ptx: orNull(text),
});

export type GpuRequirements = Checked<typeof gpuRequirements>;

/**
 * Returns the architecture whose code a GPU would run; null if there is none. Machine code runs on the same major
 * version with an equal or higher minor version; PTX runs on every GPU that is not older (CUDA C++ Programming Guide,
 * "Binary compatibility").
 *
 * @example codeFor({ computeCapabilities: ["8.0"], ptx: null, … }, "8.6") // "8.0"
 */
export function codeFor(
  { computeCapabilities, ptx }: GpuRequirements,
  computeCapability: string,
): string | null {
  const [major] = numbers(computeCapability);
  const [newest] = computeCapabilities
    .filter((compiled) => numbers(compiled)[0] === major && isAtLeast(computeCapability, compiled))
    .toSorted((a, b) => (isAtLeast(a, b) ? -1 : 1));
  return newest ?? (ptx !== null && isAtLeast(computeCapability, ptx) ? ptx : null);
}

/** Returns whether a GPU can run the code. */
export const runsOn = (requirements: GpuRequirements, computeCapability: string): boolean =>
  codeFor(requirements, computeCapability) !== null;

/** Compares versions number by number: `580.105.08` is newer than `580.65.06`. */
export function isAtLeast(version: string, minimum: string): boolean {
  const found = numbers(version);
  for (const [i, wanted] of numbers(minimum).entries()) {
    const here = found[i] ?? 0;
    if (here !== wanted) return here > wanted;
  }
  return true;
}

const numbers = (version: string): readonly number[] => version.split(".").map(Number);
