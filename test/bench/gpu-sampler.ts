import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface GpuUse {
  /** The largest memory in use while sampled, minus what was in use before. */
  readonly peakMegabytes: number;
  /** The mean of nvidia-smi's utilisation: the share of time, from 0 to 1, in which a kernel ran. */
  readonly busyShare: number;
}

const intervalMs = 100;

/** Makes CUDA number the GPUs as nvidia-smi does; by default, it starts with the fastest. */
export const countedAsByNvidiaSmi = { CUDA_DEVICE_ORDER: "PCI_BUS_ID" };

/** The number or UUID of the GPU that CUDA uses. */
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
