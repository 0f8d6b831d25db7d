import { resolve } from "node:path";
import type { NvidiaOptions } from "../checkpoint/nvidia/nvidia-options.js";
import { loadNvidia } from "../config/load-config.js";
import { completeNvidia } from "../config/nvidia-config.js";
import type { Terminal } from "./terminal.js";

interface NvidiaArguments {
  readonly nvidia?: string | undefined;
  readonly "nvidia-config"?: string | undefined;
}

/**
 * Reads what `--nvidia FILE` and `--nvidia-config FILE` say about a model of NVIDIA's nnU-Net; null without them.
 *
 * @throws CONFIG_NOT_FOUND, CONFIG_NOT_JSON, CONFIG_INVALID
 */
export async function nvidiaArguments(
  args: NvidiaArguments,
  { currentDirectory }: Pick<Terminal, "currentDirectory">,
): Promise<NvidiaOptions | null> {
  const { nvidia: file, "nvidia-config": config } = args;
  if (file === undefined && config === undefined) return null;
  const options = file === undefined ? completeNvidia({}) : await loadNvidia(resolve(currentDirectory, file));
  return config === undefined ? options : { ...options, config: resolve(currentDirectory, config) };
}
