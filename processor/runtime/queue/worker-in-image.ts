import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { cacheFolderOrNull } from "../../contract/cache-folder.js";
import { nearest } from "../../contract/nearest-name.js";
import { type EventListener, runNote } from "../../contract/progress/run-event.js";
import { sharedError } from "../../contract/shared-errors.js";
import { defaultQueue } from "./case-job.js";
import { redisAddress, redisVariable } from "./redis-address.js";
import { runWorker, type WorkerOptions } from "./run-worker.js";

const imageWorkerHelp = `Usage: batch worker --redis URL [options]

Computes the cases of batches and the jobs of services that are in a queue in Redis, until it is stopped. Mount the shared
folders at the same paths as on the other machines. Batches of this image's model use the model in the image.

  --redis URL                  redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss://… for TLS; or in $${redisVariable}
  --queue NAME                 name of the queue (default ${defaultQueue})
  --data-root DIR              folder that batches and jobs, with their models, may be in; repeat it for several
  --until-empty                end when the queue is empty, instead of waiting for more cases
  --device auto|cpu|cuda       where networks run on this machine
  --threads N                  threads on a CPU for each case at a time
  --jobs N                     cases to compute side by side (default 1)
  --gpus 0,1                   GPUs to use, each for cases of its own
  --retries N                  further attempts after a failure of the machine (default 2)
  --grace SECONDS              time for running cases to finish after SIGTERM (default 0)
  --help
`;

const text = { type: "string" } as const;
const list = { type: "string", multiple: true } as const;
const flag = { type: "boolean" } as const;

const options = {
  redis: text,
  queue: text,
  "data-root": list,
  "until-empty": flag,
  device: text,
  threads: text,
  jobs: text,
  gpus: list,
  gpu: list,
  retries: text,
  grace: text,
  help: flag,
};

export interface ImageWorkerContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The module of the process that computes the jobs of services. */
  readonly program: string;
  /** The converted model in the image; null for an image without one. */
  readonly ownModel: string | null;
  readonly onEvent: EventListener;
  readonly print: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs `batch worker` in an image.
 *
 * @param argv the words after `batch worker`
 * @throws USAGE, and what `runWorker` throws
 */
export async function runWorkerInImage(
  argv: readonly string[],
  { environment, program, ownModel, onEvent, print, signal }: ImageWorkerContext,
): Promise<number> {
  const values = parse(argv);
  if (values.help === true) {
    print(imageWorkerHelp);
    return 0;
  }
  const { jobs, retries, grace } = values;
  const gpus = [values.gpus ?? [], values.gpu ?? []].flat();
  await runWorker(
    {
      redis: redisAddress(values.redis, environment),
      queue: values.queue ?? defaultQueue,
      dataRoots: values["data-root"] ?? [],
      untilEmpty: values["until-empty"] === true,
      device: deviceOf(values.device),
      threads: threadsOf(values.threads),
      words: { gpus: gpus.length === 0 ? undefined : gpus.join(","), jobs, retries, grace },
    },
    {
      program,
      ownModel,
      cacheFolder: cacheFolderOrNull(environment) ?? tmpdir(),
      note: (line) => onEvent(runNote("service", line)),
      onEvent,
      signal,
    },
  );
  return 0;
}

function deviceOf(word: string | undefined): WorkerOptions["device"] {
  if (word === undefined) return null;
  if (word === "auto" || word === "cpu" || word === "cuda") return word;
  throw sharedError("USAGE", `--device must be auto, cpu or cuda, but is ${JSON.stringify(word)}`);
}

function threadsOf(word: string | undefined): number | null {
  if (word === undefined) return null;
  if (/^[1-9]\d{0,4}$/.test(word)) return Number(word);
  throw sharedError("USAGE", `--threads must be a whole number, 1 or more, but is ${JSON.stringify(word)}`);
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (cause) {
    const { message } = cause as Error;
    const dashed = /^Unknown option '-{0,2}([^']+)'/.exec(message)?.[1];
    if (dashed === undefined) throw sharedError("USAGE", message, { cause });
    const near = nearest(dashed, Object.keys(options));
    throw sharedError("USAGE", `no option --${dashed}${near === null ? "" : `; did you mean --${near}?`}`, {
      cause,
    });
  }
}
