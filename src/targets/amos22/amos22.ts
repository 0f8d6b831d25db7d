import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { TargetOf } from "../../../processor/contract/target.js";
import { debianPython } from "../../base-image/debian-python.js";
import type { Platform } from "../platform.js";
import { checkConfigArchitecture, checkLayersPresent, loadable } from "../preflight/archive-checks.js";
import { amosConfig } from "./config.js";
import { amosImage } from "./image.js";
import { checkArchiveName, checkEntrypoint, checkImageName } from "./preflight.js";
import { amosSimulation } from "./simulation.js";

/** AMOS22's second stage: runs `python run_inference.py` in a folder with `input` and `output`. */
export const amos22: Platform<TargetOf<"amos22">> = {
  kind: "amos22",
  config: amosConfig,
  // One RTX 3090 (contract of the challenge).
  gpuArchitectures: ["8.6"],
  check: (_, { models }) => {
    const { channelNames } = models[0];
    if (channelNames.length !== 1)
      throw sharedError(
        "TARGET_UNFIT",
        `AMOS22 gives one image for each case; the model has the channels ${channelNames.join(", ")}`,
      );
  },
  image: async (target, { platform, cacheFolder, progress, signal }) => {
    if (platform !== "linux/amd64") throw sharedError("USAGE", "AMOS22 runs images for linux/amd64");
    const pythonFiles = await debianPython(cacheFolder, progress, signal);
    return amosImage(target, pythonFiles);
  },
  ownLabel: null,
  takesModelTarball: false,
  answersRequests: false,
  dockerRun: { folder: "/workspace", command: "python run_inference.py" },
  preflight: [
    checkArchiveName,
    ...loadable,
    checkImageName,
    checkConfigArchitecture,
    checkEntrypoint,
    checkLayersPresent,
  ],
  simulation: amosSimulation,
};
