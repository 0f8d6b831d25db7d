import { join } from "node:path";
import { shellWord } from "../ground/shell-word.js";

export interface SlurmScriptOptions {
  /** The words of `batch run` for one task, without the shard: the program first. */
  readonly command: readonly string[];
  /** The words of `batch status --write`, which runs after the array. */
  readonly summaryCommand: readonly string[];
  /** The folder of the batch. */
  readonly outputDir: string;
  /** Options for sbatch, such as `--partition=gpu`. */
  readonly sbatchOptions: readonly string[];
  /** The most tasks at a time; null for no limit. */
  readonly mostAtOnce: number | null;
  readonly tasks: number;
  readonly jobName: string;
}

/** The time before a job's limit at which Slurm asks it to stop. */
const signalSeconds = 60;

/** The files of a Slurm array by their name. */
export interface SlurmScripts {
  readonly array: string;
  readonly summary: string;
}

/**
 * Writes the scripts of an array: each task computes one shard. Slurm may run a task again after the loss of a node, which
 * computes only the cases without an answer.
 */
export function slurmScripts(options: SlurmScriptOptions): SlurmScripts {
  const { command, summaryCommand, outputDir, sbatchOptions, mostAtOnce, tasks, jobName } = options;
  const logs = join(outputDir, "slurm");
  const words = `${command.map(shellWord).join(" ")} --grace ${signalSeconds - 15}`;
  return {
    array: arrayScript({ jobName, tasks, mostAtOnce, logs, sbatchOptions, command: words, signalSeconds }),
    summary: `#!/bin/bash
${directives([`--job-name=${jobName}-summary`, `--output=${logs}/summary.log`, "--open-mode=append"])}${summaryCommand.map(shellWord).join(" ")}
`,
  };
}

export interface ArrayScriptOptions {
  readonly jobName: string;
  /** The number of tasks, or the numbers of those that are to run. */
  readonly tasks: number | readonly number[];
  /** The most tasks at a time; null for no limit. */
  readonly mostAtOnce: number | null;
  /** The folder for `task-N.log`. */
  readonly logs: string;
  readonly sbatchOptions: readonly string[];
  /** Lines of bash before the command. */
  readonly preparation?: string;
  /** One command of bash, which may use the variables of a task. */
  readonly command: string;
  /** The time before the limit at which Slurm asks the task to stop. */
  readonly signalSeconds: number;
}

/** Writes the script of an array whose tasks stop before their time limit, and go on when they start again. */
export function arrayScript(options: ArrayScriptOptions): string {
  const { jobName, tasks, mostAtOnce, logs, sbatchOptions, command } = options;
  const numbers = typeof tasks === "number" ? `0-${tasks - 1}` : tasks.join(",");
  return `#!/bin/bash
${directives([
  `--job-name=${jobName}`,
  `--array=${numbers}${mostAtOnce === null ? "" : `%${mostAtOnce}`}`,
  `--output=${directiveWord(`${logs}/task-%a.log`)}`,
  "--open-mode=append",
  "--requeue",
  `--signal=B:TERM@${options.signalSeconds}`,
  ...sbatchOptions,
])}set -o nounset
# exec: the signal that Slurm sends before the time limit reaches the program itself, which then stops; submit again to continue.
# A shell that forwarded the signal would send it a second time after scancel, which signals every process.
${options.preparation ?? ""}exec ${command}
`;
}

/** Quotes a path for a line of `#SBATCH`, in which Slurm splits words and ends the line at a `#`. */
const directiveWord = (word: string): string =>
  /[\s"'#\\]/.test(word) ? `"${word.replace(/["\\]/g, "\\$&")}"` : word;

const directives = (lines: readonly string[]): string => lines.map((line) => `#SBATCH ${line}\n`).join("");
