import type { CommandOption } from "../command.js";
import { machineGroup } from "./train-options.js";

export const gpus = {
  group: machineGroup,
  alias: "gpu",
  type: "string",
  hasCommas: true,
  requiresArg: true,
  describe: "GPUs to use, each for cases of its own: 0, or 0,1, as nvidia-smi numbers them",
  defaultDescription: "the largest, or the CPU",
} as const satisfies CommandOption;
