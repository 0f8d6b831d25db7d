import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { writeConvolutionNetwork } from "./convolution-network.js";

const patchSize = [1024, 1024];
/** The work of one window grows with the processor's cores, so that it takes longer than five seconds on any of them. */
const kernel = 1 + 2 * Math.round(55 * Math.sqrt(availableParallelism()));

/** Copies a converted folder of one channel, one fold and two axes, with a network whose windows are slow. */
export async function writeSlowModel(modelDir: string, slowDir: string): Promise<void> {
  cpSync(modelDir, slowDir, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(slowDir, "manifest.json"), "utf8"));
  manifest.models[0].plan.patchSize = patchSize;
  Object.assign(manifest.models[0].network, { outputChannels: 1, maximumBatch: 1 });
  writeFileSync(join(slowDir, "manifest.json"), JSON.stringify(manifest));
  const path = join(slowDir, "fold_0");
  for (const ending of [".onnx", ".weights"]) rmSync(`${path}${ending}`);
  await writeConvolutionNetwork(
    { weight: new Array<number>(kernel ** 2).fill(1e-6), bias: [0] },
    { path, channels: 1, patchSize, kernel },
  );
}
