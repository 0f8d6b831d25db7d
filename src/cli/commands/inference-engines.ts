import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { installOpenvino } from "../../base-image/install-openvino.js";
import { indexFinder } from "../../base-image/python-index.js";
import { type InferenceEngineState, listInferenceEngines } from "../../inspect/inference-engines.js";
import { cacheFolder, cacheFolderOrNull } from "../../model-source/cache-folder.js";
import type { CommandSession } from "../command-session.js";
import type { inferenceEnginesOptions } from "../options/image-options.js";

type InferenceEnginesArguments = InferredOptionTypes<typeof inferenceEnginesOptions> & {
  readonly action: "list" | "install";
};

/** `build_processor inference-engines [list | install]`: what computes networks on this machine's CPU. */
export async function runInferenceEngines(
  args: InferenceEnginesArguments,
  { terminal, progress, signal }: CommandSession,
): Promise<number> {
  const { environment, currentDirectory } = terminal;
  if (args.action === "install") {
    const installed = await installOpenvino({
      cacheFolder: cacheFolder(environment),
      wheelFolder: args.wheels === undefined ? null : resolve(currentDirectory, args.wheels),
      findIndex: indexFinder(environment, signal),
      progress,
      signal,
    });
    const { version, folder, isNew } = installed;
    const text = `openvino    ${version} ${isNew ? "installed in" : "is already in"} ${folder}\n`;
    terminal.out(args.json ? `${JSON.stringify(installed, null, 2)}\n` : text);
    return 0;
  }
  const engines = await listInferenceEngines({
    environment,
    cacheFolder: cacheFolderOrNull(environment),
  });
  terminal.out(args.json ? `${JSON.stringify(engines, null, 2)}\n` : engines.map(engineLine).join(""));
  return 0;
}

function engineLine({ engine, version, isInstalled, folder }: InferenceEngineState): string {
  const state =
    version === null
      ? "not for this machine"
      : isInstalled
        ? `${version}${folder === null ? "" : ` in ${folder}`}`
        : `${version} not installed: \`build_processor inference-engines install\``;
  return `${engine.padEnd(12)}${state}\n`;
}
