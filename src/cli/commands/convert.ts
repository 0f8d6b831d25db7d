import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import type { ModelManifest } from "../../../processor/contract/manifest.js";
import { completeConfig } from "../../config/config.js";
import { convertModel } from "../../convert/convert-model.js";
import { describeNetworks } from "../../convert/converted-networks.js";
import { requestedModels } from "../../models/requested-models.js";
import type { CommandSession } from "../command-session.js";
import { modelRequest } from "../named-models.js";
import { networkLines } from "../network-text.js";
import { nvidiaArguments } from "../nvidia-arguments.js";
import type { convertOptions } from "../options/run-options.js";
import { parameterText } from "../parameter-text.js";

type ConvertArguments = InferredOptionTypes<typeof convertOptions>;

/** `build_processor convert`: converts a trained model to manifest.json and ONNX files. */
export async function runConvert(args: ConvertArguments, session: CommandSession): Promise<number> {
  const { terminal, progress, signal } = session;
  const models = await requestedModels(modelRequest(args, await nvidiaArguments(args, terminal)), session);
  const outputDir = resolve(terminal.currentDirectory, args.output);
  const converted = await convertModel({
    models,
    outputDir,
    progress,
    signal,
    overwrite: args.overwrite,
    format: args.format,
    settings: completeConfig({}).settings,
  });
  const { folder, manifest, files } = converted;
  const networks = describeNetworks(folder, converted.networks);
  if (args.json) {
    const { models: described, postProcessing } = manifest;
    terminal.out(
      `${JSON.stringify({ folder, files, networks, model: described[0], models: described, postProcessing }, null, 2)}\n`,
    );
    return 0;
  }
  const stages = manifest.models.flatMap((model) =>
    model.previousStage?.model ? [model.previousStage.model, model] : [model],
  );
  const used = models.members.flatMap(({ model, previousStage }) => [previousStage, model]);
  const leftOut = used.flatMap((model) => model?.leftOut.map(({ reason }) => `left out    ${reason}`) ?? []);
  terminal.out(
    `${[...stages.map(stageLine), ...networkLines(networks), ...leftOut, `converted   ${folder}`].join("\n")}\n`,
  );
  return 0;
}

const stageLine = ({ network, configuration, datasetName, folds }: ModelManifest): string =>
  `${datasetName} ${configuration}: ${network.architecture}, ${parameterText(network.parameters)} parameters, folds ${folds.map(({ fold }) => fold).join(", ")}`;
