import type { KernelTasks } from "../../../processor/imaging/threads/worker-pool.js";
import { examineCase } from "../datasets/examine-case.js";
import { fingerprintCase } from "../fingerprint/fingerprint-case.js";
import { preprocessToFiles } from "../preprocessing/preprocess-to-files.js";
import { preprocessTaskCase } from "../v1/preprocess-task-case.js";
import { measureTaskCase } from "../v1/task-fingerprint.js";
import { answering } from "./answers.js";

/** The functions that run in worker threads, each on a whole case. */
export const datasetKernels = {
  examineCase,
  fingerprintCase: answering(fingerprintCase),
  measureTaskCase: answering(measureTaskCase),
  preprocessTaskCase: answering(preprocessTaskCase),
  preprocessToFiles: answering(preprocessToFiles),
} as const;

export type DatasetTasks = {
  readonly [Name in keyof KernelTasks<typeof datasetKernels>]: {
    readonly task: KernelTasks<typeof datasetKernels>[Name]["task"];
    readonly result: Awaited<KernelTasks<typeof datasetKernels>[Name]["result"]>;
  };
};
