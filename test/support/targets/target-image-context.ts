import { silentProgress } from "../../../processor/contract/progress/progress.js";
import type { TargetImageContext } from "../../../src/targets/platform.js";
import { neverStopped } from "../never-stopped.js";

/** The context for images of targets that fetch nothing. */
export const targetImageContext: TargetImageContext = {
  platform: "linux/amd64",
  cacheFolder: "/nowhere",
  progress: silentProgress,
  signal: neverStopped(),
};
