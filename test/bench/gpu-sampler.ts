import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface GpuUse {
  /** Largest memory in use while sampled, less what was in use before. */
  readonly peakMegabytes: number;
  /** Mean of nvidia-smi's utilisation: the share of time in which a kernel ran. In [0, 1]. */
  readonly busyShare: number;
}

const intervalMs = 100;

/** CUDA counts the fastest GPU first unless it is told to count as nvidia-smi does. */
export const countedAsByNvidiaSmi = { CUDA_DEVICE_ORDER: "PCI_BUS_ID" };

/** The GPU that CUDA takes, by number or UUID. */
const gpuInUse = process.env["CUDA_VISIBLE_DEVICES"]?.split(",")[0] || "0";

/**
 * Runs `action` while nvidia-smi reports memory and utilisation of the first GPU (`CUDA_VISIBLE_DEVICES` names another)
 * ten times a second.
 */
export async function sampleGpu<T>(
  action: () => Promise<T>,
): Promise<{ readonly result: T; readonly use: GpuUse }> {
  const child = spawn(
    "nvidia-smi",
    [
      ...[`--id=${gpuInUse}`, "--query-gpu=memory.used,utilization.gpu", "--format=csv,noheader,nounits"],
      `--loop-ms=${intervalMs}`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const samples: { readonly memory: number; readonly busy: number }[] = [];
  const lines = createInterface({ input: child.stdout });
  const first = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => reject(new Error("nvidia-smi ended")));
    lines.on("line", (line) => {
      const [memory = 0, busy = 0] = line.split(",").map(Number);
      samples.push({ memory: (memory * 2 ** 20) / 1e6, busy: busy / 100 });
      resolve();
    });
  });
  try {
    await first;
    const before = samples[0]!.memory;
    samples.length = 0;
    const result = await action();
    const peak = samples.reduce((most, { memory }) => Math.max(most, memory), before);
    const busy = samples.reduce((sum, sample) => sum + sample.busy, 0) / Math.max(1, samples.length);
    return { result, use: { peakMegabytes: peak - before, busyShare: busy } };
  } finally {
    child.kill();
  }
}
