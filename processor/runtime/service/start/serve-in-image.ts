import { convertedWorker, imageModels } from "./image-models.js";
import { runNoteLine } from "./note-line.js";
import { serve } from "./serve.js";
import { serveArguments, serveHelp } from "./serve-arguments.js";

export interface ServeInImageOptions {
  /** The words after `serve`. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly modelDir: string;
  readonly write: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Serves the model of an image until the signal. */
export async function serveInImage({
  words,
  environment,
  modelDir,
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
  await serve({
    ...served,
    settings,
    workerProgram: convertedWorker,
    openEngine: null,
    isInImage: true,
    needsMetadata: settings.spec !== null,
    cacheFolder: settings.cacheDir ?? settings.outputDir,
    plugins: [],
    note,
    writeLog: (line) => write(`${line}\n`),
    signal,
  });
}
