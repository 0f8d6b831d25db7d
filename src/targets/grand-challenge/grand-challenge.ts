import { foreignLabels } from "../../../processor/contract/labels.js";
import type { GrandChallengeTarget } from "../../../processor/contract/target.js";
import { imageForTarget } from "../../image/target-image.js";
import type { Platform } from "../platform.js";
import { checkConfigArchitecture, loadable } from "../preflight/archive-checks.js";
import { checkModel } from "./check-model.js";
import { grandChallengeConfig } from "./config.js";
import {
  checkConfigApiMethod,
  checkConfigUser,
  checkExtension,
  checkIsNew,
  checkLayers,
  checkSize,
} from "./preflight.js";
import { grandChallengeSimulation } from "./simulation.js";

/** An algorithm of grand-challenge.org. */
export const grandChallenge: Platform<GrandChallengeTarget> = {
  kind: "grand-challenge",
  config: grandChallengeConfig,
  gpuArchitectures: [],
  check: checkModel,
  image: (target) => {
    const common = imageForTarget(target);
    return Promise.resolve({
      ...common,
      labels: { ...common.labels, [foreignLabels.apiMethod]: target.apiMethod },
      // The user can choose the other method when the image is run: `docker run IMAGE exec`.
      command: [target.apiMethod],
    });
  },
  ownLabel: foreignLabels.apiMethod,
  takesModelTarball: true,
  answersRequests: true,
  dockerRun: null,
  preflight: [
    checkExtension,
    ...loadable,
    checkConfigUser,
    checkConfigArchitecture,
    checkConfigApiMethod,
    checkIsNew,
    checkSize,
    checkLayers,
  ],
  simulation: grandChallengeSimulation,
};
