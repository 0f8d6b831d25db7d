import type { OpenEngine } from "../engine/job-engine.js";
import { convertedWorker, imageModels } from "./image-models.js";
import { runNoteLine } from "./note-line.js";
import { serve } from "./serve.js";
import { serveArguments, serveHelp } from "./serve-arguments.js";
import type { ServeSettings } from "./serve-settings.js";

export interface ServeInImageOptions {
  /** The words after `serve`. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly modelDir: string;
  /** Calls back with the engine that gives jobs to the queue of the settings; with null if they name none. */
  readonly withQueue: (
    settings: ServeSettings,
    note: (line: string) => void,
    use: (openEngine: OpenEngine | null) => Promise<void>,
  ) => Promise<void>;
  readonly write: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Serves the model of an image until the signal. */
export async function serveInImage({
  words,
  environment,
  modelDir,
  withQueue,
  write,
  signal,
}: ServeInImageOptions): Promise<void> {
  const settings = serveArguments(words, environment);
  if (settings === null) {
    write(serveHelp);
    return;
  }
  const note = (line: string): void => write(runNoteLine(line));
  const served = await imageModels(modelDir, settings, note);
  await withQueue(settings, note, (openEngine) =>
    serve({
      ...served,
      settings,
      workerProgram: convertedWorker,
      workerEnvironment: {},
      openEngine,
      isInImage: true,
      needsMetadata: settings.spec !== null,
      cacheFolder: settings.cacheDir ?? settings.outputDir,
      plugins: [],
      note,
      writeLog: (line) => write(`${line}\n`),
      signal,
    }),
  );
}
