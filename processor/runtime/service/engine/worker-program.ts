import { sharedError } from "../../../contract/shared-errors.js";
import { serviceError } from "../errors.js";
import type { EngineJob, PreparedModel } from "./job-engine.js";
import { jobErrorOf } from "./job-error.js";
import type { ModelAccess } from "./locate-model.js";
import { NetworkCache } from "./network-cache.js";
import { runJob } from "./run-job.js";
import type { FromWorker, ToWorker, WorkerSettings } from "./worker-messages.js";

/**
 * Runs the jobs that the server sends to this process, one at a time. The process ends with the server.
 */
export function serveJobs({ locate, obtain }: ModelAccess): void {
  let settings: WorkerSettings | null = null;
  let cache: NetworkCache | null = null;
  let stop = new AbortController();
  let preparing = Promise.resolve();

  async function run(job: EngineJob): Promise<void> {
    stop = new AbortController();
    try {
      await preparing;
      stop.signal.throwIfAborted();
      const result = await runJob(job, {
        settings: settings!,
        cache: cache!,
        locateModel: locate,
        signal: stop.signal,
        send,
      });
      send({ kind: "done", result, loaded: cache!.loaded() });
    } catch (error) {
      if (stop.signal.aborted) send({ kind: "canceled", loaded: cache!.loaded() });
      else send({ kind: "failed", error: jobErrorOf(error), loaded: cache!.loaded() });
    }
  }

  async function prepareAll(models: readonly PreparedModel[]): Promise<void> {
    const { cacheFolder } = settings!;
    // The server ends this process if it does not want to wait any longer.
    const { signal } = new AbortController();
    for (const model of models) {
      const { modelId, source } = model;
      const onNote = (line: string): void => send({ kind: "preparing", modelId, line });
      try {
        const options = { cacheFolder, onNote, signal };
        const folder =
          source === null ? (await locate(model, options)).folder : await obtain(source, options);
        send({ kind: "prepared", modelId, folder });
      } catch (error) {
        send({ kind: "unprepared", modelId, error: jobErrorOf(error) });
      }
    }
    send({ kind: "all_prepared", loaded: cache!.loaded() });
  }

  process.on("message", (message: ToWorker) => {
    switch (message.kind) {
      case "open":
        settings = message.settings;
        cache = new NetworkCache(settings);
        return;
      case "run":
        void run(message.job);
        return;
      case "prepare":
        preparing = prepareAll(message.models);
        return;
      case "cancel":
        stop.abort(serviceError("CANCELED", "the job was canceled"));
        return;
      case "expire":
        void cache!.clear().then((count) => send({ kind: "expired", count }));
    }
  });
  process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
  // The server decides when this process ends; the terminal's Ctrl-C also arrives here.
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => {});
  process.on("uncaughtException", (error) => {
    process.stderr.write(`${error.stack ?? error.message}\n`);
    process.kill(process.pid, "SIGKILL");
  });
}

function send(message: FromWorker): void {
  if (process.send === undefined)
    throw sharedError("USAGE", "this program runs only as a process of the service");
  process.send(message);
}
