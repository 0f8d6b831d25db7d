import type { Options } from "yargs";

export const schedulerGroup = "Scheduler:";

/** What a command that submits an array of Slurm lets its users say. */
export const sbatchOptions = {
  partition: { group: schedulerGroup, type: "string", requiresArg: true, describe: "Slurm's partition" },
  gres: {
    group: schedulerGroup,
    type: "string",
    requiresArg: true,
    describe: "what a task needs, such as gpu:1",
  },
  time: {
    group: schedulerGroup,
    type: "string",
    requiresArg: true,
    describe: "time limit of a task: 04:00:00",
  },
  mem: { group: schedulerGroup, type: "string", requiresArg: true, describe: "memory of a task: 32G" },
  sbatch: {
    group: schedulerGroup,
    type: "string",
    array: true,
    requiresArg: true,
    describe: "further options for sbatch: --sbatch=--account=lab",
  },
  "dry-run": {
    group: schedulerGroup,
    type: "boolean",
    default: false,
    describe: "write the scripts without submitting them",
  },
} as const satisfies Readonly<Record<string, Options>>;
