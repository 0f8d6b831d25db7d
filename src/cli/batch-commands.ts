import type { Command } from "./command.js";
import {
  batchPlanOptions,
  batchRetryOptions,
  batchRunOptions,
  batchStatusOptions,
} from "./options/batch-options.js";
import {
  batchCancelOptions,
  batchK8sOptions,
  batchSlurmOptions,
  batchSubmitOptions,
  batchWorkerOptions,
} from "./options/scheduler-options.js";
import { withSettings } from "./options/setting-options.js";

const begin = "-m model/ --manifest cases.jsonl -o out/";

/** The commands below `batch`, by their name in one word. */
export const batchCommands: Readonly<Record<string, Command>> = {
  "batch-plan": {
    usage: "batch-plan",
    describe: "write the manifest of a batch: one line for each case of a folder",
    options: batchPlanOptions,
    examples: [["$0 batch-plan -i images/", "writes cases.jsonl"]],
    load: async () => (await import("./commands/batch/plan.js")).runBatchPlan,
  },
  "batch-run": {
    usage: "batch-run",
    describe: "compute the cases of a manifest that are not done; start it again to go on",
    options: withSettings(batchRunOptions, "predict"),
    examples: [
      [`$0 batch-run ${begin}`, "computes all cases, one after the other"],
      [`$0 batch-run ${begin} --gpus 0,1`, "computes two cases at a time, on two GPUs"],
      [`$0 batch-run ${begin} --shard 0/4`, "computes every fourth case"],
    ],
    load: async () => (await import("./commands/batch/run.js")).runBatchRun,
  },
  "batch-slurm": {
    usage: "batch-slurm",
    describe: "compute a manifest with an array of Slurm",
    options: withSettings(batchSlurmOptions, "predict"),
    examples: [
      [`$0 batch-slurm ${begin} --gres gpu:1 --time 04:00:00`, "submits tasks of 20 cases, one GPU each"],
      [
        `$0 batch-slurm --image liver.sif --manifest cases.jsonl -o out/ --dry-run`,
        "only writes the scripts",
      ],
    ],
    load: async () => (await import("./commands/batch/slurm.js")).runBatchSlurm,
  },
  "batch-k8s": {
    usage: "batch-k8s",
    describe: "print an Indexed Job of Kubernetes that computes a manifest",
    options: batchK8sOptions,
    examples: [
      ["$0 batch-k8s --image team/liver:1 --claim scans --shards 20 | kubectl apply -f -", "starts 20 pods"],
    ],
    load: async () => (await import("./commands/batch/k8s.js")).runBatchK8s,
  },
  "batch-queue-submit": {
    usage: "batch-queue-submit",
    describe: "put the cases that are not done into a queue in Redis, for workers on any machine",
    options: withSettings(batchSubmitOptions, "predict"),
    examples: [
      [`$0 batch-queue-submit ${begin} --redis redis://host`, "submits them; `batch worker` computes them"],
    ],
    load: async () => (await import("./commands/batch/queue-submit.js")).runQueueSubmit,
  },
  "batch-worker": {
    usage: "batch-worker",
    describe: "compute the cases of a queue in Redis until it is stopped",
    options: batchWorkerOptions,
    examples: [["$0 batch-worker --redis redis://host --gpus 0,1", "computes two at a time, on two GPUs"]],
    load: async () => (await import("./commands/batch/worker.js")).runBatchWorker,
  },
  "batch-status": {
    usage: "batch-status",
    describe: "report what is done, what has failed and how long the rest takes",
    options: batchStatusOptions,
    examples: [["$0 batch-status -o out/ --watch", "prints the state whenever it changes"]],
    load: async () => (await import("./commands/batch/status.js")).runBatchStatus,
  },
  "batch-retry": {
    usage: "batch-retry",
    describe: "forget failed cases, or named ones, so that the next run computes them",
    options: batchRetryOptions,
    examples: [["$0 batch-retry -o out/ --case brain_010", "forgets one case"]],
    load: async () => (await import("./commands/batch/retry.js")).runBatchRetry,
  },
  "batch-cancel": {
    usage: "batch-cancel",
    describe: "stop all processes of a batch; what is done stays done",
    options: batchCancelOptions,
    examples: [["$0 batch-cancel -o out/", "stops them within seconds"]],
    load: async () => (await import("./commands/batch/cancel.js")).runBatchCancel,
  },
};

const names = Object.keys(batchCommands);

/** Returns the words that a user writes for a command. */
export const writtenName = (name: string): string =>
  Object.hasOwn(batchCommands, name) ? name.replaceAll("-", " ") : name;

/** Returns whether a command is shown below another one instead of in the list of all commands. */
export const isBelowBatch = (name: string): boolean => Object.hasOwn(batchCommands, name);

/** Joins the words of a command: `batch queue submit -o out/` becomes `batch-queue-submit -o out/`. */
export function joinedCommand(words: readonly string[]): readonly string[] {
  const name = names.find((one) => one === words.slice(0, one.split("-").length).join("-"));
  return name === undefined ? words : [name, ...words.slice(name.split("-").length)];
}

/** Writes the names of commands in a text as a user writes them. */
export const withWrittenNames = (text: string): string =>
  names.reduce((shown, name) => shown.replaceAll(name, writtenName(name)), text);

const actions = names.map((name) => writtenName(name).replace("batch ", ""));

/** `batch` alone: the list of its commands. */
export const batchCommand: Command = {
  usage: "batch <action>",
  describe: "segment many cases: on one machine, with a queue, or on a cluster",
  options: {},
  positional: {
    action: {
      choices: actions,
      demandOption: true,
      describe: `what to do; \`build_processor batch run --help\` shows the options of one: ${actions.join(", ")}`,
    },
  },
  examples: [
    ["$0 batch-plan -i images/", "writes the manifest cases.jsonl"],
    [`$0 batch-run ${begin}`, "computes its cases"],
    ["$0 batch-status -o out/", "reports how far it is"],
  ],
  load: () => Promise.reject(new Error("every action has a command of its own")),
};
