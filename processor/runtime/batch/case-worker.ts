import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { EventListener } from "../../contract/progress/run-event.js";
import type { CaseReport, CaseRequest } from "../cases/case.js";
import { errorOfCode, isRuntimeErrorCode } from "../errors.js";
import type { Existing } from "../outputs/check-outputs.js";
import type { FromCaseProcess, ModelOrder, ToCaseProcess } from "./case-messages.js";

/** What became of a case in the process that computed it. */
export type CaseOutcome =
  | {
      readonly kind: "reported";
      readonly report: CaseReport;
      readonly device: string;
      readonly inferenceEngine: string;
    }
  /** The process ended in the middle of the case. */
  | { readonly kind: "died"; readonly how: string; readonly isKilled: boolean };

export interface CaseWorkerOptions {
  readonly order: ModelOrder;
  /** The GPU that its process sees; null for all. */
  readonly gpu: string | null;
  readonly onEvent: EventListener;
}

interface OpenProcess {
  readonly child: ChildProcess;
  readonly device: string;
  readonly inferenceEngine: string;
}

/** The time that a process has to stop a case before it is ended. One window can take longer than anybody waits. */
const stopWithinMs = 3000;

/** Computes cases in a process of its own, one at a time. After a crash, the next case gets another process. */
export class CaseWorker {
  readonly #options: CaseWorkerOptions;
  #open: OpenProcess | null = null;

  constructor(options: CaseWorkerOptions) {
    this.#options = options;
  }

  /**
   * Loads the networks, unless they are loaded.
   *
   * @throws what `openRunner` throws; the signal's reason
   */
  async open(signal: AbortSignal): Promise<Pick<OpenProcess, "device" | "inferenceEngine">> {
    return this.#process(this.#options.order, signal);
  }

  /**
   * @param order the model, if it differs from that of the options for this case only
   * @param existing what to do with results that are there already
   * @throws what `openRunner` throws; the signal's reason
   */
  async segment(
    request: CaseRequest,
    signal: AbortSignal,
    order = this.#options.order,
    existing: Existing = "overwrite",
  ): Promise<CaseOutcome> {
    if (order !== this.#options.order) await this.close();
    const { child, device, inferenceEngine } = await this.#process(order, signal);
    try {
      const answer = await this.#ask(child, { type: "segment", request, existing }, signal);
      if (answer.kind === "died") return answer;
      const { message } = answer;
      if (message.type === "done")
        return { kind: "reported", report: message.report, device, inferenceEngine };
      signal.throwIfAborted();
      throw failure(message);
    } finally {
      if (order !== this.#options.order) await this.close();
    }
  }

  /** Ends the process. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    if (open !== null) await ended(open.child);
  }

  async #process(order: ModelOrder, signal: AbortSignal): Promise<OpenProcess> {
    signal.throwIfAborted();
    if (this.#open !== null && isRunning(this.#open.child)) return this.#open;
    const { gpu } = this.#options;
    const child = fork(new URL("./case-process.js", import.meta.url), [], {
      // Standard output is for results.
      stdio: ["ignore", 2, 2, "ipc"],
      serialization: "advanced",
      env: gpu === null ? process.env : { ...process.env, CUDA_VISIBLE_DEVICES: gpu },
    });
    const end = () => void child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
    const answer = await this.#ask(child, { type: "open", order }, signal);
    if (answer.kind === "died")
      throw errorOfCode("INFERENCE_FAILED", `the process that loads the networks ended: ${answer.how}`);
    const { message } = answer;
    if (message.type !== "opened") {
      await ended(child);
      signal.throwIfAborted();
      throw failure(message);
    }
    this.#open = { child, device: message.device, inferenceEngine: message.inferenceEngine };
    return this.#open;
  }

  /** Sends a message, and returns the answer to it or how the process ended. */
  #ask(
    child: ChildProcess,
    question: ToCaseProcess,
    signal: AbortSignal,
  ): Promise<
    { readonly kind: "answered"; readonly message: FromCaseProcess } | (CaseOutcome & { kind: "died" })
  > {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        if (child.connected) child.send({ type: "stop" } satisfies ToCaseProcess);
        killer = setTimeout(() => void child.kill("SIGKILL"), stopWithinMs);
      };
      let killer: NodeJS.Timeout | undefined;
      const settle = (): void => {
        clearTimeout(killer);
        signal.removeEventListener("abort", stop);
        child.off("message", onMessage).off("exit", onExit).off("error", onError);
      };
      const onMessage = (message: FromCaseProcess): void => {
        if (message.type === "event") {
          this.#options.onEvent(message.event);
          return;
        }
        settle();
        resolve({ kind: "answered", message });
      };
      const onExit = (code: number | null, by: NodeJS.Signals | null): void => {
        settle();
        if (this.#open?.child === child) this.#open = null;
        if (signal.aborted) reject(signal.reason);
        else
          resolve({ kind: "died", how: by === null ? `exit code ${code}` : by, isKilled: by === "SIGKILL" });
      };
      const onError = (error: Error): void => {
        settle();
        reject(error);
      };
      child.on("message", onMessage).on("exit", onExit).on("error", onError);
      signal.addEventListener("abort", stop);
      if (signal.aborted) stop();
      if (isRunning(child)) child.send(question);
      else onExit(child.exitCode, child.signalCode);
    });
  }
}

const isRunning = (child: ChildProcess): boolean =>
  child.exitCode === null && child.signalCode === null && child.connected;

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

/** Makes the error of a process that could not open its model, or that has a bug. */
function failure(message: FromCaseProcess): Error {
  if (message.type !== "failed") return new Error(`a process answered with ${message.type}`);
  const { code, message: text } = message;
  if (code !== null && isRuntimeErrorCode(code)) return errorOfCode(code, text);
  return Object.assign(new Error(text.split("\n")[0]), { stack: text });
}
