import type { Options } from "yargs";
import {
  batchGroup,
  batchModelDir,
  beginOptions,
  existingBatch,
  jobs,
  limitOptions,
  manifest,
  retries,
} from "./batch-options.js";
import { gpus } from "./gpu-options.js";
import { json } from "./output-options.js";
import { sbatchOptions, schedulerGroup } from "./sbatch-options.js";
import { output } from "./shared-options.js";

const queueGroup = "Queue:";

const redis = {
  group: queueGroup,
  type: "string",
  requiresArg: true,
  demandOption: true,
  describe:
    "address of Redis: redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss://… for TLS; or in $REDIS_URL",
} as const satisfies Options;

const queue = {
  group: queueGroup,
  type: "string",
  default: "nnunet",
  requiresArg: true,
  describe: "name of the queue",
} as const satisfies Options;

export const batchSubmitOptions = {
  ...beginOptions,
  retries,
  redis: { ...redis, demandOption: false },
  queue,
} as const satisfies Readonly<Record<string, Options>>;

export const batchWorkerOptions = {
  redis: { ...redis, demandOption: false },
  queue,
  "data-root": {
    group: queueGroup,
    type: "string",
    array: true,
    requiresArg: true,
    describe: "folders that the queue's batches and jobs, and their models, may be in",
    defaultDescription: "any, so protect Redis with a password",
  },
  "until-empty": {
    group: queueGroup,
    type: "boolean",
    default: false,
    describe: "end when the queue is empty, instead of waiting for more cases",
  },
  device: {
    group: batchGroup,
    choices: ["auto", "cpu", "cuda"] as const,
    describe: "where networks run on this machine",
    defaultDescription: "what the batch says, or auto",
  },
  threads: {
    group: batchGroup,
    type: "number",
    requiresArg: true,
    describe: "threads on a CPU for each case at a time",
    defaultDescription: "the cores, divided by the cases at a time",
  },
  gpus,
  jobs,
  retries,
  grace: limitOptions.grace,
} as const satisfies Readonly<Record<string, Options>>;

export const batchCancelOptions = {
  output: existingBatch,
  redis: {
    ...redis,
    demandOption: false,
    describe: `${redis.describe}; also takes the batch's waiting cases out of the queue`,
  },
  queue,
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const batchSlurmOptions = {
  ...beginOptions,
  "model-dir": {
    ...batchModelDir,
    describe: `${batchModelDir.describe}; needed unless --image names an image with a model`,
  },
  manifest,
  image: {
    group: schedulerGroup,
    type: "string",
    requiresArg: true,
    describe: "image with its model as an Apptainer file (.sif), which the tasks run instead of this program",
  },
  "per-task": {
    group: schedulerGroup,
    type: "number",
    default: 20,
    requiresArg: true,
    describe: "cases in a task, which loads the networks once",
  },
  "at-once": {
    group: schedulerGroup,
    type: "number",
    requiresArg: true,
    describe: "the most tasks at a time",
    defaultDescription: "no limit",
  },
  ...sbatchOptions,
  retries,
  "max-failures": limitOptions["max-failures"],
} as const satisfies Readonly<Record<string, Options>>;

export const batchK8sOptions = {
  image: {
    group: schedulerGroup,
    type: "string",
    requiresArg: true,
    demandOption: true,
    describe: "image with its model, as the cluster's registry names it",
  },
  claim: {
    group: schedulerGroup,
    type: "string",
    requiresArg: true,
    demandOption: true,
    describe: "persistent volume claim with the images and the manifest",
  },
  mount: {
    group: schedulerGroup,
    type: "string",
    default: "/data",
    requiresArg: true,
    describe: "folder in the containers where the volume is",
  },
  manifest: {
    ...manifest,
    demandOption: false,
    default: "/data/cases.jsonl",
    describe: "path of the manifest in the containers",
  },
  output: { ...output, default: "/data/out", describe: "folder of the batch in the containers" },
  shards: {
    group: schedulerGroup,
    type: "number",
    requiresArg: true,
    demandOption: true,
    describe: "number of pods to compute the cases, one shard each",
  },
  parallelism: {
    group: schedulerGroup,
    type: "number",
    default: 1,
    requiresArg: true,
    describe: "the most pods at a time",
  },
  gpus: {
    group: schedulerGroup,
    type: "number",
    default: 0,
    requiresArg: true,
    describe: "GPUs of a pod",
  },
  memory: { group: schedulerGroup, type: "string", requiresArg: true, describe: "memory of a pod: 16Gi" },
  name: {
    group: schedulerGroup,
    type: "string",
    default: "nnunet-batch",
    requiresArg: true,
    describe: "name of the job",
  },
} as const satisfies Readonly<Record<string, Options>>;
