import { join } from "node:path";
import { ProcessorError } from "../contract/errors.js";
import { places } from "../contract/places.js";
import { createLineProgress } from "../contract/progress/line-progress.js";
import { cleanLine, logLines } from "../contract/progress/log-lines.js";
import { showEvents } from "../contract/progress/show-events.js";
import { sharedError } from "../contract/shared-errors.js";
import { readMetadataFile } from "../dicom-objects/read-metadata.js";
import { systemError } from "../files/system-error.js";
import { entryOf, runEntry } from "./entries/entries.js";
import { failureLines } from "./entries/failure-lines.js";
import { findModelDir } from "./entries/find-model-dir.js";
import { folderHelp, parseFolderArguments } from "./entries/folder-arguments.js";
import { loadModel } from "./model/load-model.js";
import { programVersion } from "./model/program-version.js";
import { readTarget } from "./model/read-target.js";
import { memoryError } from "./run/memory-limit.js";
import { endAfterBug, isSupervised, supervise } from "./run/supervise.js";

/** Runs the image as its target requires, and returns the exit code. The last line of its output reports an error. */
export async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    // A platform may send a signal to the whole process group, and a supervisor also forwards its own signal. The
    // second signal changes nothing.
    process.on(name, () => stop.abort(sharedError("INTERRUPTED", `stopped by ${name}`)));
  }
  process.on("uncaughtException", (error) => {
    failureLines(error).forEach(complain);
    endAfterBug();
  });
  try {
    return await run(argv, stop.signal);
  } catch (thrown) {
    const error = systemError(memoryError(thrown));
    failureLines(error).forEach(complain);
    return error instanceof ProcessorError ? error.exitCode : 1;
  }
}

async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  if (argv[0] === "serve") return runService(argv.slice(1), signal);
  if (argv[0] === "batch") return runBatch(argv.slice(1), signal);
  const options = parseFolderArguments(argv, process.env);
  if (options.wantsHelp) {
    process.stdout.write(folderHelp);
    return 0;
  }
  if (options.wantsVersion) {
    process.stdout.write(`${await programVersion()}\n`);
    return 0;
  }
  if (!isSupervised()) return supervise(join(import.meta.dirname, "main.js"), argv, signal);
  const target = await readTarget(options.targetFile);
  const entry = entryOf(target.kind);
  const loaded = await loadModel(await findModelDir(options.modelDir, entry), options.folds);
  const { apiMethod, port, dicomMetadata } = options;
  const settings = options.settings.applyTo(loaded.manifest.settings);
  return runEntry(target, {
    loaded,
    settings:
      dicomMetadata === null
        ? settings
        : { ...settings, dicomMetadata: await readMetadataFile(dicomMetadata) },
    apiMethod,
    workingDir: process.cwd(),
    port,
    onEvent: showEvents(
      createLineProgress({
        write: (text) => process.stdout.write(asLines(entry.logLine(cleanLine(text)))),
        now: () => performance.now(),
      }),
    ),
    complain,
    signal,
  });
}

/** The service is a part that an image may lack, so it is loaded only here. */
async function runService(words: readonly string[], signal: AbortSignal): Promise<number> {
  const { serveInImage } = await import("./service/start/serve-in-image.js").catch(withoutService);
  const write = (text: string): void => void process.stdout.write(text);
  const modelDir = ownModel();
  await serveInImage({
    words,
    environment: process.env,
    modelDir,
    withQueue: async (settings, note, use) => {
      if (settings.redis === null) return use(null);
      const { withQueue } = await import("./queue/with-queue.js");
      return withQueue(settings, note, use);
    },
    write,
    signal,
  });
  return 0;
}

function withoutService(cause: NodeJS.ErrnoException): never {
  if (cause.code !== "ERR_MODULE_NOT_FOUND") throw cause;
  throw sharedError("USAGE", "this image was built without the service", { cause });
}

const ownModel = (): string => process.env["NNUNET_MODEL_DIR"] ?? places.image.model;

/** Cases run in processes of their own, so this one needs no supervisor. */
async function runBatch(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const print = (text: string) => process.stdout.write(asLines(text));
  const onEvent = showEvents(createLineProgress({ write: print, now: () => performance.now() }));
  const context = { environment: process.env, onEvent, print, signal };
  if (argv[0] !== "worker") {
    const { runBatchInImage } = await import("./batch/in-image.js");
    return runBatchInImage(argv, context);
  }
  const { runWorkerInImage } = await import("./queue/worker-in-image.js").catch(withoutService);
  const { convertedWorker } = await import("./service/start/image-models.js");
  return runWorkerInImage(argv.slice(1), { ...context, program: convertedWorker, ownModel: ownModel() });
}

/**
 * Writes errors and warnings to stderr. Nothing else goes there, because some platforms mark a job with a warning if
 * stderr is not empty.
 */
function complain(text: string): void {
  process.stderr.write(asLines(text));
}

function asLines(text: string): string {
  return `${logLines(text).join("\n")}\n`;
}
