import { readFile } from "node:fs/promises";
import { join } from "node:path";
import Handlebars from "handlebars";
import { ProcessorError } from "../../processor/contract/errors.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { type BuiltImage, buildContext } from "../docker/build-image.js";
import type { Engine } from "../docker/engine.js";
import { findOrPullImage } from "../docker/find-image.js";
import { nnunetError } from "../ground/errors/nnunet-errors.js";
import { packageRoot } from "../ground/files/package-root.js";
import { layerFile } from "../image/image-plan.js";

/** What differs between training on a CPU and on NVIDIA's GPUs. */
const variants = {
  // Debian's PyTorch computes on CPUs only, which saves NVIDIA's libraries (4 GB).
  cpu: {
    usesDebianTorch: true,
    description: "nnunetv2 2.8.1, torch 2.6.0 (Debian)",
    debianPackages: [
      ..."ca-certificates python3-venv python3-torch python3-torchvision python3-scipy python3-skimage".split(
        " ",
      ),
      ..."python3-sklearn python3-pandas python3-matplotlib python3-seaborn python3-requests".split(" "),
      ..."python3-tqdm python3-tifffile python3-einops python3-yaml".split(" "),
    ],
  },
  cuda: {
    usesDebianTorch: false,
    description: "nnunetv2 2.8.1, torch 2.15.0 (CUDA 13.2)",
    debianPackages: ["ca-certificates", "python3-venv", "gcc", "libc6-dev"],
  },
} as const;

export interface TrainingImageOptions {
  readonly engine: Engine;
  readonly device: "cpu" | "cuda";
  readonly imageName: string;
  /** An image of Debian 13 for amd64, in the engine or in a registry. */
  readonly baseImage: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Builds an image with Python, PyTorch and nnU-Net, in which `train --image` trains. Python packages are pinned with their
 * digests (`base-image/training`); Debian's packages are the mirror's current ones.
 *
 * @throws TRAINING_BASE_MISSING, IMAGE_BUILD_FAILED with Docker's message, ENGINE_DISK_FULL; the signal's reason if aborted
 */
export async function buildTrainingImage(options: TrainingImageOptions): Promise<BuiltImage> {
  const { engine, device, imageName, baseImage, progress, signal } = options;
  const requirements = join(packageRoot, "base-image", "training", `${device}.txt`);
  await findOrPullImage({ engine, imageName: baseImage, progress, signal }).catch((error: unknown) => {
    if (!(error instanceof ProcessorError) || error.code !== "BASE_IMAGE_MISSING") throw error;
    throw nnunetError("TRAINING_BASE_MISSING", error.message, { cause: error });
  });
  return buildContext({
    engine,
    imageName,
    platform: "linux/amd64",
    entries: [
      layerFile("Dockerfile", { text: await trainingDockerfile(device, baseImage) }),
      layerFile("requirements.txt", { text: await readFile(requirements, "utf8") }),
    ],
    stopsCommands: true,
    progress,
    signal,
  });
}

/** Returns the Dockerfile of `templates/training.Dockerfile.hbs` for a device. */
export async function trainingDockerfile(device: "cpu" | "cuda", baseImage: string): Promise<string> {
  const template = await readFile(join(packageRoot, "templates", "training.Dockerfile.hbs"), "utf8");
  const handlebars = Handlebars.create();
  handlebars.registerHelper("json", (value: unknown) => JSON.stringify(value));
  return handlebars.compile(template, { strict: true, noEscape: true })({ ...variants[device], baseImage });
}
