import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Returns whether this installation can use a GPU: ONNX Runtime has its execution provider for CUDA only in images for GPUs. */
export function hasCudaProvider(): boolean {
  const packageFolder = dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
  const folder = join(packageFolder, "bin", "napi-v6", process.platform, process.arch);
  return existsSync(join(folder, "libonnxruntime_providers_cuda.so"));
}
