import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { writeConvolutionNetwork } from "./convolution-network.js";

const patchSize = [1024, 1024];
/** Longer than the five seconds that a platform waits for a container to stop. */
const windowSeconds = 8;
const triedKernel = 31;

/** Copies a converted 2-D model of one channel and one fold, and replaces its network by one whose windows are slow. */
export async function writeSlowModel(modelDir: string, slowDir: string): Promise<void> {
  cpSync(modelDir, slowDir, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(slowDir, "manifest.json"), "utf8"));
  manifest.models[0].plan.patchSize = patchSize;
  Object.assign(manifest.models[0].network, { outputChannels: 1, maximumBatch: 1 });
  writeFileSync(join(slowDir, "manifest.json"), JSON.stringify(manifest));
  const path = join(slowDir, "fold_0");
  for (const ending of [".onnx", ".weights"]) rmSync(`${path}${ending}`);
  // The work grows with the square of the kernel's size. It is measured, because this process may not get every core.
  const kernel = triedKernel * Math.sqrt(windowSeconds / (await secondsOfWindow()));
  await writeNetwork(path, 1 + 2 * Math.round(kernel / 2));
}

const writeNetwork = (path: string, kernel: number): Promise<string> =>
  writeConvolutionNetwork(
    { weight: new Array<number>(kernel ** 2).fill(1e-6), bias: [0] },
    { path, channels: 1, patchSize, kernel },
  );

/** Measures the seconds that a window takes with the trial kernel. */
async function secondsOfWindow(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "slow-model-"));
  try {
    const onnxFile = await writeNetwork(join(folder, "tried"), triedKernel);
    const intraOpNumThreads = availableParallelism();
    const session = await InferenceSession.create(onnxFile, { intraOpNumThreads });
    const [height, width] = patchSize as [number, number];
    const run = () =>
      session.run({ input: new Tensor("float32", new Float32Array(height * width), [1, 1, height, width]) });
    await run();
    const began = performance.now();
    await run();
    const seconds = (performance.now() - began) / 1000;
    await session.release();
    return seconds;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
