import { defineErrors } from "../../contract/errors.js";

/** The errors of runs of many cases, and of the programs that spread them over machines. */
export const batchError = defineErrors({
  BATCH_MANIFEST_INVALID: {
    exit: 2,
    http: 400,
    help: "Correct the lines that the message names, or write the file again with `build_processor batch plan`.",
  },
  BATCH_DIFFERS: {
    exit: 2,
    http: 409,
    help: "Give each run an output folder of its own. --force-new keeps the results that still fit, and segments the other cases again.",
  },
  BATCH_NOT_FOUND: {
    exit: 2,
    http: 404,
    help: "Name the output folder of a run: the one with batch.json.",
  },
  WORKER_DIED: {
    exit: 5,
    http: 500,
    help: "If the system ended the process for its use of memory, give it more memory, or run fewer cases side by side. Otherwise, report the case with the signal.",
  },
  QUEUE_UNREACHABLE: {
    exit: 5,
    http: 503,
    help: "Start Redis, or correct the address, user or password: redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss://… for TLS.",
  },
  QUEUE_UNFIT: {
    exit: 5,
    http: 503,
    help: "Set `maxmemory-policy noeviction` in redis.conf, because Redis would otherwise delete jobs when its memory is full.",
  },
  SCHEDULER_FAILED: {
    exit: 5,
    http: 503,
    help: "The message is the scheduler's own.",
  },
});
