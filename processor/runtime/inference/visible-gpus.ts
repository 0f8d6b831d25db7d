import type { Gpu } from "./nvidia-smi.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** How CUDA comes to its first GPU, on which ONNX Runtime runs. */
export type GpuOrder =
  /** CUDA_VISIBLE_DEVICES names the GPUs, and the first of them runs. */
  | "named"
  /** Nothing is named, so that this program may choose. */
  | "free"
  /** Only CUDA knows which GPU is named: by a number in its own order, fastest first, or by an older name of a part. */
  | "unknown";

export interface VisibleGpus {
  readonly gpus: readonly Gpu[];
  readonly order: GpuOrder;
}

/**
 * Returns the GPUs that CUDA shows to a process. Numbers are those of nvidia-smi, as with `CUDA_DEVICE_ORDER=PCI_BUS_ID`,
 * unless that variable asks for CUDA's own order. Otherwise the rules are CUDA's (CUDA programming guide, "Environment
 * variables"; torch.cuda reads the variable alike): a name that CUDA does not know hides all that follow, and a name that is
 * given twice hides everything.
 */
export function visibleGpus(all: readonly Gpu[], environment: Environment): VisibleGpus {
  const names = environment["CUDA_VISIBLE_DEVICES"];
  if (names === undefined) return { gpus: all, order: "free" };
  const found: Gpu[] = [];
  for (const name of names.split(",")) {
    const gpu = gpuNamed(name.trim(), all);
    if (gpu === null && isOfDividedGpu(name.trim(), all)) return { gpus: all, order: "unknown" };
    if (gpu === null) break;
    if (found.some(({ id }) => id === gpu.id)) return { gpus: [], order: "named" };
    found.push(gpu);
  }
  const isInOwnOrder =
    environment["CUDA_DEVICE_ORDER"] === "FASTEST_FIRST" &&
    /^\s*\+?\d/.test(names) &&
    new Set(all.map(({ name }) => name)).size > 1;
  return isInOwnOrder ? { gpus: all, order: "unknown" } : { gpus: found, order: "named" };
}

/** Finds a GPU by its number or by the beginning of its UUID. A divided GPU means its first part, as in CUDA. */
function gpuNamed(name: string, all: readonly Gpu[]): Gpu | null {
  const [number] = /^\+?\d+/.exec(name) ?? [];
  if (number !== undefined) return all.find(({ index }) => index === Number(number)) ?? null;
  if (!/^(?:GPU|MIG)-./.test(name)) return null;
  const found = all.filter(({ id }) => id.startsWith(name));
  return found.length === 1 ? found[0]! : null;
}

/** Drivers before 470 name a part by its GPU: `MIG-GPU-<UUID>/1/0`. */
const isOfDividedGpu = (name: string, all: readonly Gpu[]): boolean =>
  /^(?:MIG-)?GPU-/.test(name) && all.some(({ id }) => id.startsWith("MIG-"));
