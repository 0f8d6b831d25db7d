import type { Options } from "yargs";
import { gpus } from "./gpu-options.js";
import { json, outputGroup } from "./output-options.js";
import { hookFile, imageGroup, modelDir, output, trainedModelOptions } from "./shared-options.js";

export const batchGroup = "Batch:";

export const batchModelDir = {
  ...modelDir,
  alias: "m",
  describe: `${modelDir.describe}; or one folder written by \`convert\``,
} as const satisfies Options;

export const manifest = {
  group: batchGroup,
  type: "string",
  requiresArg: true,
  demandOption: true,
  describe:
    'file with a case in each line: {"case": "a", "inputs": ["a_0000.nii.gz"]}; `batch plan` writes it',
} as const satisfies Options;

const batchOutput = {
  ...output,
  demandOption: true,
  describe: "folder of the batch, which all its processes share: segmentations/, cases/, claims/, batch.json",
} as const satisfies Options;

export const jobs = {
  group: batchGroup,
  type: "string",
  requiresArg: true,
  describe: "cases to compute side by side, on each GPU or on the CPU, whose cores they share",
  defaultDescription: "1",
} as const satisfies Options;

export const retries = {
  group: batchGroup,
  type: "string",
  requiresArg: true,
  describe: "further attempts after a failure of the machine; wrong images get none",
  defaultDescription: "2",
} as const satisfies Options;

const dicomMetadata = {
  group: outputGroup,
  type: "string",
  requiresArg: true,
  describe: "file that describes the segments of DICOM results: a dcmqi template, or names",
  defaultDescription: "the model's labels",
} as const satisfies Options;

const forceNew = {
  group: outputGroup,
  type: "boolean",
  default: false,
  describe:
    "use a folder that holds a batch with another model, manifest or settings; results that still fit are kept",
} as const satisfies Options;

/** What all commands take that begin a batch. */
export const beginOptions = {
  "model-dir": { ...batchModelDir, demandOption: true },
  ...trainedModelOptions,
  manifest,
  output: batchOutput,
  "dicom-metadata": dicomMetadata,
  "force-new": forceNew,
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const batchPlanOptions = {
  input: {
    group: imageGroup,
    alias: "i",
    type: "string",
    array: true,
    requiresArg: true,
    demandOption: true,
    describe:
      "folder or files; <case>_0000<ending>, one file for each channel, or a folder for each DICOM series",
  },
  channels: {
    group: imageGroup,
    type: "number",
    requiresArg: true,
    describe: "number of the model's channels, so that a case without one of them is refused",
    defaultDescription: "the most that any case has",
  },
  output: {
    ...output,
    default: "cases.jsonl",
    describe: "manifest to write, with a line for each case; - for standard output",
  },
  overwrite: {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "replace an existing manifest",
  },
} as const satisfies Readonly<Record<string, Options>>;

const shardOptions = {
  shard: {
    group: batchGroup,
    type: "string",
    requiresArg: true,
    describe: "compute only the I-th of N shards, counted from 0: 0/4",
    defaultDescription:
      "the number of this task in an array of Slurm, Kubernetes or AWS Batch; else all cases",
  },
  shards: {
    group: batchGroup,
    type: "string",
    requiresArg: true,
    describe: "number of shards, for schedulers that tell a task only its own number",
  },
  steal: {
    group: batchGroup,
    type: "boolean",
    default: false,
    describe: "when the own shard is done, compute cases of other shards that nobody has begun",
  },
} as const satisfies Readonly<Record<string, Options>>;

export const limitOptions = {
  "max-failures": {
    group: batchGroup,
    type: "string",
    requiresArg: true,
    describe: "stop after more failed cases than this: a number, or a share such as 10%",
  },
  grace: {
    group: batchGroup,
    type: "string",
    requiresArg: true,
    describe: "seconds that running cases have to finish after Ctrl-C or SIGTERM",
    defaultDescription: "0: they stop, and the next run computes them",
  },
} as const satisfies Readonly<Record<string, Options>>;

export const batchRunOptions = {
  ...beginOptions,
  "process-img-file": hookFile,
  ...shardOptions,
  jobs,
  gpus,
  retries,
  ...limitOptions,
} as const satisfies Readonly<Record<string, Options>>;

/** The folder of a batch that was begun. */
export const existingBatch = { ...batchOutput, describe: "folder of the batch" } as const satisfies Options;

export const batchStatusOptions = {
  output: existingBatch,
  watch: {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "print the state again whenever it changes, until every case is finished",
  },
  write: {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "also write summary.json and summary.csv into the folder",
  },
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const batchRetryOptions = {
  output: existingBatch,
  failed: {
    group: batchGroup,
    type: "boolean",
    default: false,
    describe: "forget every failed case, so that the next run computes it; the default without --case",
  },
  case: {
    group: batchGroup,
    type: "string",
    array: true,
    requiresArg: true,
    describe: "names of cases to forget, done or failed",
  },
  json,
} as const satisfies Readonly<Record<string, Options>>;
