import type { TargetOf } from "../../../processor/contract/target.js";
import { imageForTarget } from "../../image/target-image.js";
import type { Platform } from "../platform.js";
import { checkLayersPresent, loadable } from "../preflight/archive-checks.js";
import { folderSimulation } from "../simulate/folder-simulation.js";

/** Any host: runs with `docker run` and the mounts /input and /output. */
export const plain: Platform<TargetOf<"plain">> = {
  kind: "plain",
  config: { key: null, target: () => ({ kind: "plain" }), naming: null, initial: null },
  gpuArchitectures: [],
  check: () => {},
  image: (target) => Promise.resolve({ ...imageForTarget(target), lastLayers: [] }),
  ownLabel: null,
  takesModelTarball: false,
  answersRequests: false,
  dockerRun: { folder: "", command: "" },
  preflight: [...loadable, checkLayersPresent],
  simulation: folderSimulation,
};
