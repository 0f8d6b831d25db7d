/** Reads one file after the other for `run-fuzz`, in a process of its own: a hang or want of memory ends only this one. */
import { ProcessorError } from "../../processor/errors.js";
import { fuzzedReaders } from "./readers.js";

export interface FuzzTask {
  readonly reader: string;
  readonly file: string;
}

export interface FuzzOutcome {
  readonly kind: "accepted" | "refused" | "failed";
  /** Null unless it failed. */
  readonly stack: string | null;
  /** The most that this process has ever held. */
  readonly peakBytes: number;
}

// What is thrown where nobody can catch it is a fault of the reader that runs.
process.on("uncaughtException", ({ stack = "no stack" }) => {
  process.send!({ kind: "failed", stack, peakBytes: 0 } satisfies FuzzOutcome);
});
process.on("message", (task: FuzzTask) => void take(task));

async function take({ reader, file }: FuzzTask): Promise<void> {
  process.send!({ ...(await outcomeOf(reader, file)), peakBytes: process.resourceUsage().maxRSS * 1024 });
}

async function outcomeOf(reader: string, file: string): Promise<Omit<FuzzOutcome, "peakBytes">> {
  try {
    await fuzzedReaders[reader]!.read(file);
    return { kind: "accepted", stack: null };
  } catch (error) {
    if (error instanceof ProcessorError) return { kind: "refused", stack: null };
    return { kind: "failed", stack: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
