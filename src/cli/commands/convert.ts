import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { completeConfig } from "../../config/config.js";
import { convertModel } from "../../convert-pipeline.js";
import type { convertOptions } from "../command-options.js";
import type { CommandSession } from "../command-session.js";
import { definedModelOptions, trainedModel } from "./trained-model.js";

type ConvertArguments = InferredOptionTypes<typeof convertOptions>;

/** `build_processor convert`: a trained folder becomes manifest.json and ONNX files. */
export async function runConvert(args: ConvertArguments, session: CommandSession): Promise<number> {
  const { terminal, progress, signal } = session;
  const model = await trainedModel(definedModelOptions(args), session);
  const outputDir = resolve(terminal.currentDirectory, args.output);
  const { folder, manifest, files } = await convertModel({
    ...{ model, outputDir, progress, signal, overwrite: args.overwrite },
    settings: completeConfig({}).settings,
  });
  const { network, configuration, datasetName, folds } = manifest.models[0]!;
  if (args.json) {
    terminal.out(`${JSON.stringify({ folder, files, model: manifest.models[0] }, null, 2)}\n`);
    return 0;
  }
  terminal.out(
    `${datasetName} ${configuration}: ${network.architecture}, ${(network.parameters / 1e6).toFixed(2)} million parameters, folds ${folds.map(({ fold }) => fold).join(", ")}\n` +
      `converted   ${folder}\n`,
  );
  return 0;
}

/** Converts into a temporary folder for the time of `use`. */
export async function withConvertedModel<T>(
  options: { readonly model: Awaited<ReturnType<typeof trainedModel>>; readonly session: CommandSession },
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const { model, session } = options;
  const scratch = await mkdtemp(join(tmpdir(), "nnunet-processor-"));
  try {
    const { folder } = await convertModel({
      ...{ model, outputDir: join(scratch, "model"), progress: session.progress, signal: session.signal },
      settings: completeConfig({}).settings,
    });
    return await use(folder);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
