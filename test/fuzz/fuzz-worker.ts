/** Reads one file after the other for `run-fuzz`, in a process of its own: a hang or a lack of memory ends only this one. */
import { ProcessorError } from "../../processor/contract/errors.js";
import type { FuzzInput } from "./readers/fuzzed-reader.js";
import { fuzzedReaders } from "./readers.js";

export interface FuzzTask extends FuzzInput {
  readonly reader: string;
}

export interface FuzzOutcome {
  readonly kind: "accepted" | "refused" | "failed";
  /** The error's code and message, or the stack of one that is not of the catalogue; null if there was none. */
  readonly reason: string | null;
  /** The most memory that this process has ever held. */
  readonly peakBytes: number;
}

// What is thrown where nobody can catch it is a fault of the reader that runs.
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
