#!/usr/bin/env node
/** The program in an image: reads the manifest, segments the input folder, says in its last line what went wrong. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { segmentFolder } from "./entries/folder.js";
import { folderHelp, parseFolderArguments } from "./entries/folder-arguments.js";
import { errorCatalogue, ProcessorError } from "./errors.js";
import { loadModel } from "./model/load-model.js";
import { createLineProgress } from "./progress/line-progress.js";

/** A platform that stops a container waits five seconds before it kills. */
const stopWithinMs = 4000;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => {
      stop.abort(new ProcessorError("INTERRUPTED", `stopped by ${name}`));
      setTimeout(() => process.exit(errorCatalogue.INTERRUPTED.exit), stopWithinMs).unref();
    });
  }
  try {
    return await run(argv, stop.signal);
  } catch (error) {
    return explain(error);
  }
}

async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseFolderArguments(argv, process.env);
  if (options.wantsHelp) {
    process.stdout.write(folderHelp);
    return 0;
  }
  if (options.wantsVersion) {
    process.stdout.write(`${await version()}\n`);
    return 0;
  }
  const { manifest } = await loadModel(options.modelDir, options.folds);
  const settings = options.applyTo(manifest.settings);
  const progress = createLineProgress({
    write: (line) => process.stdout.write(`${line}\n`),
    now: () => performance.now(),
  });
  const reports = await segmentFolder({
    modelDir: options.modelDir,
    folds: options.folds,
    settings,
    progress,
    signal,
  });
  const failed = reports.filter(({ status }) => status === "failed");
  if (failed.length === 0) return 0;
  for (const { name, error } of failed)
    process.stderr.write(`${name}: ${error!.code}: ${asSentence(error!.message)} ${error!.help}\n`);
  if (failed.length < reports.length || reports.length > 1) {
    throw new ProcessorError(
      "SOME_CASES_FAILED",
      `${failed.length} of ${reports.length} cases failed: ${failed.map(({ name }) => name).join(", ")}`,
    );
  }
  const { code } = failed[0]!.error!;
  return code === "BUG" ? 1 : errorCatalogue[code].exit;
}

function explain(error: unknown): number {
  if (error instanceof ProcessorError) {
    process.stderr.write(`${error.code}: ${asSentence(error.message)} ${error.help}\n`);
    return error.exitCode;
  }
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.stderr.write("This is a bug of nnunet-processor: please report it with the lines above.\n");
  return 1;
}

/** Remedies follow on the same line, which is the one that platforms show. */
function asSentence(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

/** The image holds the package.json of the release beside the runtime; a clone has it one folder up. */
async function version(): Promise<string> {
  for (const place of ["package.json", "../package.json", "../../package.json"]) {
    const text = await readFile(join(import.meta.dirname, place), "utf8").catch(() => null);
    const parsed =
      text === null ? null : (JSON.parse(text) as { readonly name?: string; readonly version?: string });
    if (parsed?.name === "nnunet-processor" && parsed.version !== undefined) return parsed.version;
  }
  return "unknown";
}
