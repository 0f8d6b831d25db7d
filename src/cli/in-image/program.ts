import { rm } from "node:fs/promises";
import { join, posix } from "node:path";
import { places } from "../../../processor/contract/places.js";
import { showEvents } from "../../../processor/contract/progress/show-events.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { systemError } from "../../../processor/files/system-error.js";
import { main as segmentFolder } from "../../../processor/runtime/program.js";
import { isConverted } from "../../convert/converted-folder.js";
import { requestedModels } from "../../models/requested-models.js";
import { cachedConversion, cachePlace } from "../../predict/converted-cache.js";
import { serveCommand, serveFlags, serveHelp } from "../../predict/nnunet-serve/options.js";
import { parseServeArguments, type ServeWords } from "../../predict/nnunet-serve/parse-arguments.js";
import { runServeJob } from "../../predict/nnunet-serve/predict-nnunet-serve.js";
import { serveRequest } from "../../predict/nnunet-serve/serve-request.js";
import type { CommandSession } from "../command-session.js";
import { errorReport, errorText } from "../explain-error.js";
import { printServeReport } from "../serve-report.js";
import type { Terminal } from "../terminal.js";
import { terminalProgress } from "../terminal-progress.js";
import { wordsInImage } from "./arguments.js";

const folderCommand = "folder";
const batchCommand = "batch";
/** Serves models over HTTP. */
const httpCommand = "serve";

const help = `An image for any model: mount a trained model at ${places.anyModel.model}.

  folder [options]   segment every image in /input into /output; \`folder --help\` shows the options
  serve [options]    serve trained models over HTTP; \`serve --help\` shows the options
  batch run …        segment the cases of a manifest, together with other containers; \`batch --help\` shows the options
  [options]          segment one case of ${places.anyModel.input} into ${places.anyModel.output}, with the options of nnunet_serve:

${serveHelp}`;

/**
 * Runs an image for any model: nnunet_serve's command line for one case, or \`folder\` with the options of an image that
 * contains its model.
 *
 * @returns the exit code
 */
export async function mainInImage(words: readonly string[], terminal: Terminal): Promise<number> {
  const [first, ...rest] = words;
  const argv = first === serveCommand || first === folderCommand ? rest : words;
  const wantsHelp = argv.includes("--help") || argv.includes("-h");
  if (wantsHelp && first !== folderCommand && first !== batchCommand && first !== httpCommand) {
    terminal.out(help);
    return 0;
  }
  const stop = new AbortController();
  const stopListening = terminal.onInterrupt((signalName) =>
    stop.abort(sharedError("INTERRUPTED", `stopped by ${signalName}`)),
  );
  const session: CommandSession = {
    terminal,
    flags: serveFlags,
    currentDirectory: terminal.currentDirectory,
    environment: terminal.environment,
    lockFile: join(places.anyModel.output, "processor.lock.json"),
    progress: terminalProgress(terminal),
    signal: stop.signal,
  };
  try {
    if (first === httpCommand) return await runService(rest, session);
    if (first === folderCommand) return await runFolder(argv, session, stopListening);
    if (first === batchCommand) return await runBatch(words, session, stopListening);
    return await runCase(argv, session);
  } catch (thrown) {
    const error = stop.signal.aborted ? stop.signal.reason : systemError(thrown);
    const report = errorReport(error, serveFlags, terminal.currentDirectory);
    terminal.err(errorText(report, terminal));
    return report.error.exitCode;
  } finally {
    stopListening();
  }
}

/** The service is a part that an image may lack, so it is loaded only here. */
async function runService(words: readonly string[], session: CommandSession): Promise<number> {
  const { serveArguments, serveHelp: serviceHelp } = await import(
    "../../../processor/runtime/service/start/serve-arguments.js"
  );
  const settings = serveArguments(words, session.environment);
  if (settings === null) {
    session.terminal.out(serviceHelp);
    return 0;
  }
  const { serveModels } = await import("../../predict/service/serve-models.js");
  const { withQueue } = await import("../../../processor/runtime/queue/with-queue.js");
  const writeLog = (line: string): void => session.terminal.out(`${line}\n`);
  await withQueue(settings, session.progress.note, (openEngine) =>
    serveModels({ settings, openEngine, isInImage: true, writeLog }, session),
  );
  return 0;
}

async function runCase(argv: readonly string[], session: CommandSession): Promise<number> {
  const { environment, terminal } = session;
  const words = wordsInImage(withSeriesOf(environment, parseServeArguments(argv)));
  const request = serveRequest(words, { ...environment, SERIES_PATHS: undefined });
  if (request.dockerImage !== null)
    throw sharedError("USAGE", "--docker_image (-c) is for build_processor; this is the image");
  return withCache(request.outputDir, session, async (cacheFolder) => {
    const report = await runServeJob({ ...request, cacheFolder }, session).catch((error: unknown) => {
      if (request.isDebugging && error instanceof Error) terminal.err(`${error.stack ?? error.message}\n`);
      throw error;
    });
    printServeReport(report, request, terminal);
    return 0;
  });
}

/** Puts the paths of the variable SERIES_PATHS into the words, where they replace `-i`. */
function withSeriesOf(
  { SERIES_PATHS: variable = "" }: CommandSession["environment"],
  words: ServeWords,
): ServeWords {
  const paths = variable.split(" ").filter((path) => path !== "");
  return paths.length === 0 ? words : new Map([...words, ["series_paths", paths]]);
}

/** Converts the mounted model, and then runs the program of every image with it. */
function runFolder(
  argv: readonly string[],
  session: CommandSession,
  stopListening: () => void,
): Promise<number> {
  const { model } = places.anyModel;
  const isHelp = argv.includes("--help") || argv.includes("--version");
  if (isHelp || argv.some((word) => word.startsWith("--model-dir"))) return segmentFolder(argv);
  return withCache("/output", session, async (cacheFolder) => {
    const modelDir = (await isConverted(model)) ? model : await converted(cacheFolder, session);
    // The program listens to signals itself.
    stopListening();
    return segmentFolder(["--model-dir", modelDir, "--allowed-extensions", everyEnding, ...argv]);
  });
}

/** The jobs of services name trained models, which are converted as in the service; batches name converted ones. */
async function runWorker(words: readonly string[], session: CommandSession): Promise<number> {
  const { runWorkerInImage } = await import("../../../processor/runtime/queue/worker-in-image.js");
  const { trainedWorker } = await import("../../predict/service/serve-models.js");
  const { environment, progress, signal, terminal } = session;
  return runWorkerInImage(words, {
    environment,
    program: trainedWorker,
    ownModel: null,
    onEvent: showEvents({ ...progress, start: () => ({ advance: () => {}, done: () => {} }) }),
    print: terminal.out,
    signal,
  });
}

/** Converts the mounted model, and then runs the batch with it as an image that contains its model does. */
function runBatch(
  words: readonly string[],
  session: CommandSession,
  stopListening: () => void,
): Promise<number> {
  if (words[1] === "worker") return runWorker(words.slice(2), session);
  const { model } = places.anyModel;
  const isReady =
    words.length === 1 || words.some((word) => word === "--help" || word.startsWith("--model-dir"));
  if (isReady) return segmentFolder(words);
  return withCache("/output", session, async (cacheFolder) => {
    const modelDir = (await isConverted(model)) ? model : await converted(cacheFolder, session);
    stopListening();
    return segmentFolder([...words, "--model-dir", modelDir]);
  });
}

/** The formats of images that a folder may hold, unless an option names others. */
const everyEnding = "mha,nii.gz,nii,nrrd,mhd,nhdr,gipl,gipl.gz,png,bmp,tif,tiff";

async function converted(cacheFolder: string, session: CommandSession): Promise<string> {
  const models = await requestedModels(
    {
      modelDirs: [posix.resolve(places.anyModel.model)],
      task: null,
      configurations: null,
      checkpointName: session.environment["NNUNET_CHECKPOINT"] ?? null,
      folds: [],
      onnxFiles: null,
      nvidia: null,
      previousStage: null,
      postProcessing: "auto",
    },
    session,
  );
  return cachedConversion(models, cacheFolder, session);
}

/** Chooses the place of converted models, and deletes it afterwards if it is temporary. */
async function withCache(
  outputDir: string,
  { environment }: CommandSession,
  use: (cacheFolder: string) => Promise<number>,
): Promise<number> {
  const { folder, isTemporary } = await cachePlace(environment, outputDir);
  try {
    return await use(folder);
  } finally {
    if (isTemporary) await rm(folder, { recursive: true, force: true });
  }
}
