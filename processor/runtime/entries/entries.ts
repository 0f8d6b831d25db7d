import { counted } from "../../contract/counted.js";
import type { RuntimeSettings } from "../../contract/manifest.js";
import type { Progress } from "../../contract/progress/progress.js";
import { sharedError } from "../../contract/shared-errors.js";
import type { ApiMethod, Target, TargetKind } from "../../contract/target.js";
import type { CaseReport } from "../cases/case.js";
import { errorOfCode } from "../errors.js";
import type { LoadedModel } from "../model/load-model.js";
import { amosSettings } from "./amos22.js";
import { failureLines, failureSentence } from "./failure-lines.js";
import { segmentFolder } from "./folder.js";
import { openAlgorithm } from "./grand-challenge/open-algorithm.js";
import { serve } from "./grand-challenge/serve.js";

/** What every target's entry gets from the program. */
export interface EntryContext {
  readonly loaded: LoadedModel;
  /** Those of the manifest, with the command line's own in front. */
  readonly settings: RuntimeSettings;
  /** Null for the target's own. */
  readonly apiMethod: ApiMethod | null;
  /** Of the process. */
  readonly workingDir: string;
  /** That a server listens on. */
  readonly port: number;
  readonly progress: Progress;
  /** Reports a failure after which the program goes on. */
  readonly complain: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs the image as its target wants it.
 *
 * @returns the exit code
 * @throws what stops everything, as a ProcessorError
 */
export async function runEntry(target: Target, context: EntryContext): Promise<number> {
  if (target.kind !== "grand-challenge" && context.apiMethod !== null)
    throw sharedError(
      "USAGE",
      `${context.apiMethod} is for images of grand-challenge; this one is ${target.kind}`,
    );
  return entries[target.kind](target, context);
}

type Entry = (target: Target, context: EntryContext) => Promise<number>;

const entries: Readonly<Record<TargetKind, Entry>> = {
  plain: (_, context) => runFolder(context),
  sol: (_, context) => runFolder(context),
  amos22: async (_, context) =>
    runFolder({ ...context, settings: await amosSettings(context.settings, context.workingDir) }),
  "grand-challenge": runAlgorithm,
};

async function runFolder(context: EntryContext): Promise<number> {
  const reports = await segmentFolder(context);
  return exitCodeOf(reports, context);
}

function exitCodeOf(reports: readonly CaseReport[], { complain }: EntryContext): number {
  const failed = reports.filter(({ status }) => status === "failed");
  if (failed.length === 0) return 0;
  for (const { name, error } of failed) complain(`${name}: ${failureSentence(error!)}`);
  if (reports.length > 1) {
    throw sharedError(
      "SOME_CASES_FAILED",
      `${failed.length} of ${counted(reports.length, "case")} failed: ${failed.map(({ name }) => name).join(", ")}`,
    );
  }
  const { code, message } = failed[0]!.error!;
  return code === "BUG" ? 1 : errorOfCode(code, message).exitCode;
}

async function runAlgorithm(target: Target, context: EntryContext): Promise<number> {
  if (target.kind !== "grand-challenge") throw new Error(`no algorithm: ${target.kind}`);
  const { apiMethod, port, progress, complain, signal } = context;
  const open = () => openAlgorithm({ ...context, target });
  if ((apiMethod ?? target.apiMethod) === "invoke") {
    const onFailure = (error: unknown) => failureLines(error).forEach(complain);
    await serve({ port, open, onFailure, signal, note: (line) => progress.note(line) });
    return 0;
  }
  const algorithm = await open();
  try {
    await algorithm.run(signal);
    return 0;
  } finally {
    await algorithm.close();
  }
}
