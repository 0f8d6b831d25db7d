import type { InferredOptionTypes } from "yargs";
import { buildTrainingImage } from "../../build/build-training-image.js";
import { connectEngine } from "../../docker/engine.js";
import type { CommandSession } from "../command-session.js";
import { jsonText } from "../json-text.js";
import type { trainingImageOptions } from "../options/training-image-options.js";

type TrainingImageArguments = InferredOptionTypes<typeof trainingImageOptions>;

/** `build_processor training-image`: builds an image with nnU-Net and PyTorch, for `train --image`. */
export async function runTrainingImage(
  args: TrainingImageArguments,
  { terminal, environment, progress, signal }: CommandSession,
): Promise<number> {
  const engine = await connectEngine(environment, signal);
  const { imageName, imageId, sizeBytes } = await buildTrainingImage({
    engine,
    device: args.device,
    imageName: args.tag,
    baseImage: args.base,
    progress,
    signal,
  });
  const rows = [
    `image     ${imageName}`,
    `digest    ${imageId}`,
    `size      ${(sizeBytes / 1e9).toFixed(2)} GB`,
    `next      build_processor train DATASET CONFIGURATION --image ${imageName}`,
  ];
  terminal.out(args.json ? jsonText({ imageName, imageId, sizeBytes }) : `${rows.join("\n")}\n`);
  return 0;
}
