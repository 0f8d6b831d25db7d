import type { Worker } from "node:worker_threads";
import { endThreads } from "../../files/end-threads.js";
import { threadError } from "./inference-errors.js";
import type { FromInferenceWorker, ToInferenceWorker } from "./worker-messages.js";

/** A thread that has loaded the networks. */
export interface InferenceThread {
  readonly worker: Worker;
  readonly mailbox: Mailbox;
  readonly executionProvider: string;
}

export function post(worker: Worker, message: ToInferenceWorker): void {
  worker.postMessage(message);
}

/** Receives the worker's messages, one at a time. */
export class Mailbox {
  readonly #arrived: FromInferenceWorker[] = [];
  /** The reason why the thread ended; null while it runs. */
  #end: Error | null = null;
  #wake: () => void = () => {};

  constructor(worker: Worker) {
    const endWith = (error: Error) => {
      this.#end ??= error;
      this.#wake();
    };
    worker.on("message", (message: FromInferenceWorker) => {
      this.#arrived.push(message);
      this.#wake();
    });
    worker.on("error", endWith);
    worker.on("exit", () => endWith(new Error("the inference thread ended")));
  }

  /** Returns the next message. It rejects from the moment the thread has ended. */
  async next(): Promise<FromInferenceWorker> {
    for (;;) {
      const message = this.#arrived.shift();
      if (message !== undefined) return message;
      if (this.#end !== null) throw threadError(this.#end);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** The time that a thread has to free what its engine holds. A thread that waits or computes does not answer. */
const closeWithinMs = 2000;

/** Ends a thread, after its engine has freed what it holds outside of the thread, such as a process. */
export async function closeThread(worker: Worker): Promise<void> {
  if (worker.threadId === -1) return; // it has ended already
  const hasEnded = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  post(worker, { type: "close" });
  let timer: NodeJS.Timeout | undefined;
  const isLate = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, closeWithinMs);
  });
  await Promise.race([hasEnded, isLate]);
  clearTimeout(timer);
  await endThreads([worker]);
}
