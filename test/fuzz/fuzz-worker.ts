/** Reads files for `run-fuzz` in its own process, so that a hang or a lack of memory ends only this process. */
import { ProcessorError } from "../../processor/contract/errors.js";
import type { FuzzInput } from "./readers/fuzzed-reader.js";
import { fuzzedReaders } from "./readers.js";

export interface FuzzTask extends FuzzInput {
  readonly reader: string;
}

export interface FuzzOutcome {
  readonly kind: "accepted" | "refused" | "failed";
  /** The error's code and message, or the stack of an error outside the catalogue; null if there was none. */
  readonly reason: string | null;
  /** The most memory that this process has held so far. */
  readonly peakBytes: number;
}

// An error that nobody can catch is a fault of the reader that is running.
process.on("uncaughtException", ({ stack = "no stack" }) => {
  process.send!({ kind: "failed", reason: stack, peakBytes: 0 } satisfies FuzzOutcome);
});
process.on("message", (task: FuzzTask) => void take(task));

async function take({ reader, ...input }: FuzzTask): Promise<void> {
  process.send!({ ...(await outcomeOf(reader, input)), peakBytes: process.resourceUsage().maxRSS * 1024 });
}

async function outcomeOf(reader: string, input: FuzzInput): Promise<Omit<FuzzOutcome, "peakBytes">> {
  try {
    await fuzzedReaders[reader]!.read(input);
    return { kind: "accepted", reason: null };
  } catch (error) {
    if (error instanceof ProcessorError)
      return { kind: "refused", reason: `${error.code}: ${error.message}` };
    return {
      kind: "failed",
      reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
}
