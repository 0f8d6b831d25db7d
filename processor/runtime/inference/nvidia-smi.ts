import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** A GPU, or a part of one that its owner has made with MIG. */
export interface Gpu {
  /** The number that nvidia-smi gives it, in the order of the PCI bus. A part of a GPU has its GPU's number. */
  readonly index: number;
  /** Its name for CUDA_VISIBLE_DEVICES: `GPU-…`, or `MIG-…` for a part. */
  readonly id: string;
  readonly name: string;
  /** For example `8.6`. */
  readonly computeCapability: string;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
  readonly driver: string;
}

const query = [
  "index",
  "uuid",
  "name",
  "compute_cap",
  "memory.total",
  "memory.free",
  "driver_version",
  "mig.mode.current",
];

/** Returns the GPUs that nvidia-smi reports, with each part in place of its GPU; null if it is missing or fails. */
export async function askNvidiaSmi(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly Gpu[] | null> {
  const table = await run([`--query-gpu=${query.join(",")}`, "--format=csv,noheader,nounits"], environment);
  const rows = table?.split("\n").flatMap((line) => rowOf(line) ?? []) ?? [];
  if (rows.length === 0) return null;
  const list = rows.some(({ isDivided }) => isDivided) ? await run(["-L"], environment) : null;
  return rows.flatMap(({ gpu, isDivided }) => (isDivided ? partsOf(gpu, list ?? "") : gpu));
}

const run = (
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | null> =>
  promisify(execFile)("nvidia-smi", args, {
    timeout: 20_000,
    env: { PATH: "/usr/bin:/bin", ...environment },
  }).then(
    ({ stdout }) => stdout,
    () => null,
  );

interface Row {
  readonly gpu: Gpu;
  /** True if programs may only use its parts. */
  readonly isDivided: boolean;
}

/**
 * Parses a line such as `0, GPU-5f1c…, NVIDIA A10G, 8.6, 23028, 22563, 580.65.06, Disabled`. The memory is in MiB, or
 * `[N/A]` if the GPU shares the machine's memory.
 */
function rowOf(line: string): Row | null {
  const fields = line.split(",").map((field) => field.trim());
  const [index, id, name, computeCapability, total, free, driver, mig] = fields;
  if (!/^\d+$/.test(index ?? "") || !/^\d+\.\d+$/.test(computeCapability ?? "")) return null;
  const bytes = (mebibytes: string | undefined) => {
    const count = Number(mebibytes);
    return Number.isFinite(count) ? count * 2 ** 20 : Number.POSITIVE_INFINITY;
  };
  return {
    gpu: {
      index: Number(index),
      id: id!,
      name: name!,
      computeCapability: computeCapability!,
      memoryBytes: bytes(total),
      freeMemoryBytes: bytes(free),
      driver: driver ?? "",
    },
    isDivided: mig === "Enabled",
  };
}

/**
 * Reads the parts of a GPU from `nvidia-smi -L`, whose lines look like `  MIG 3g.20gb     Device  0: (UUID: MIG-c738…)`.
 * They come after the line of their GPU. How much of a part's memory is free is unknown, so all of it counts as free.
 */
function partsOf(gpu: Gpu, list: string): readonly Gpu[] {
  const parts: Gpu[] = [];
  let isOwn = false;
  for (const line of list.split("\n")) {
    const [, index] = /^GPU (\d+):/.exec(line) ?? [];
    if (index !== undefined) isOwn = Number(index) === gpu.index;
    const [, profile, id] = /^\s+MIG (\S+)\s.*\(UUID: (MIG-[^)]+)\)/.exec(line) ?? [];
    if (!isOwn || profile === undefined) continue;
    const gigabytes = /\.(\d+)gb/.exec(profile)?.[1];
    const memoryBytes = gigabytes === undefined ? gpu.memoryBytes : Number(gigabytes) * 1e9;
    parts.push({
      ...gpu,
      id: id!,
      name: `${gpu.name} MIG ${profile}`,
      memoryBytes,
      freeMemoryBytes: memoryBytes,
    });
  }
  return parts;
}
