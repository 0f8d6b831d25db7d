import type { TargetOf } from "../../../processor/contract/target.js";
import { imageForTarget } from "../../image/target-image.js";
import type { Platform } from "../platform.js";
import { checkConfigArchitecture, checkLayersPresent, loadable } from "../preflight/archive-checks.js";
import { folderSimulation } from "../simulate/folder-simulation.js";

/** SOL: segments every image of /input into /output/images. */
export const sol: Platform<TargetOf<"sol">> = {
  kind: "sol",
  config: { key: null, target: () => ({ kind: "sol" }), naming: null, initial: null },
  gpuArchitectures: [],
  check: () => {},
  image: (target) => Promise.resolve(imageForTarget(target)),
  ownLabel: null,
  takesModelTarball: false,
  answersRequests: false,
  dockerRun: { folder: "", command: "" },
  preflight: [...loadable, checkConfigArchitecture, checkLayersPresent],
  simulation: folderSimulation,
};
