import { resolve } from "node:path";
import { ProcessorError } from "../../processor/contract/errors.js";
import { helpFor } from "../../processor/contract/help-for.js";
import type { Progress, ProgressTaskOptions } from "../../processor/contract/progress/progress.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { systemError } from "../../processor/files/system-error.js";
import { lockFileName } from "../download/lock-file-name.js";
import { builderRemedy } from "../ground/errors/catalogue.js";
import { withPagePaths } from "../ground/files/page-path.js";
import type { WorkContext } from "../models/work-context.js";

/** The options that every function takes in addition to its own. */
export interface CallOptions {
  /** Called for each step forward and each message that a command would print. */
  readonly onProgress?: ((event: ProgressEvent) => void) | undefined;
  /** Stops the work, which then throws INTERRUPTED and leaves no half-written file. */
  readonly signal?: AbortSignal | undefined;
}

export type ProgressEvent =
  | { readonly kind: "note"; readonly text: string }
  | {
      readonly kind: "task";
      /** What the task does, in the present: `brain_010: predicting`. */
      readonly label: string;
      readonly unit: ProgressTaskOptions["unit"];
      readonly done: number;
      /** Null if the number of units is unknown. */
      readonly total: number | null;
      readonly isFinished: boolean;
    };

/**
 * Does the work of a command in the current folder and environment.
 *
 * @throws INTERRUPTED if the signal is aborted, else what the work throws
 */
export async function call<T>(
  { onProgress, signal }: CallOptions,
  work: (context: WorkContext) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const abort = (): void =>
    stop.abort(sharedError("INTERRUPTED", "stopped by the caller", { cause: signal?.reason }));
  if (signal?.aborted === true) abort();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    stop.signal.throwIfAborted();
    return await work({
      currentDirectory: process.cwd(),
      environment: process.env,
      lockFile: resolve(lockFileName),
      progress: progressTo(onProgress ?? (() => {})),
      signal: stop.signal,
    });
  } catch (thrown) {
    throw stop.signal.aborted ? stop.signal.reason : withOwnRemedy(systemError(thrown));
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** The remedies are those of `build_processor`, without the sentences that name a flag. */
function withOwnRemedy(thrown: unknown): unknown {
  if (!(thrown instanceof ProcessorError)) return thrown;
  const { code, message, exitCode, httpStatus } = thrown;
  const help = withPagePaths(helpFor(builderRemedy(thrown), new Set()), process.cwd());
  return new ProcessorError(code, { exit: exitCode, http: httpStatus, help }, message, { cause: thrown });
}

const progressTo = (onProgress: (event: ProgressEvent) => void): Progress => ({
  note: (text) => onProgress({ kind: "note", text }),
  start({ label, unit, total }) {
    let done = 0;
    const report = (isFinished: boolean): void =>
      onProgress({ kind: "task", label, unit, done, total: total ?? null, isFinished });
    report(false);
    return {
      advance(units) {
        done += units;
        report(false);
      },
      done: () => report(true),
    };
  },
});
