import { type ChildProcess, fork } from "node:child_process";
import { WorkerFailure } from "../worker-messages.js";
import {
  type EngineOrder,
  type FromEngineProcess,
  type RunOrder,
  regionDescriptor,
  type ToEngineProcess,
} from "./engine-messages.js";
import type { EngineFacts } from "./inference-engine.js";
import type { WindowMemory } from "./window-memory.js";

/** The most characters of the process's last words that a message shows. */
const longestWords = 300;

type Done = Extract<FromEngineProcess, { type: "done" }>;
type Reply = EngineFacts | Done;

/** One process with the loaded networks, from its start to its end. */
export class EngineChild {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number | null, { resolve(reply: Reply): void; reject(error: Error): void }>();
  /** Resolves when the networks are loaded. */
  readonly opened: Promise<EngineFacts>;
  readonly ended: Promise<void>;
  hasEnded = false;
  #isStopped = false;
  #runs = 0;
  #words = "";

  /** @param program the program that computes, for messages */
  constructor(order: EngineOrder, { order: memory, descriptor }: WindowMemory, program: string) {
    if (regionDescriptor !== 4) throw new Error("the shared memory must follow the channel of messages");
    this.#child = fork(new URL("./engine-process.js", import.meta.url), [], {
      execArgv: [],
      serialization: "advanced",
      env: environmentOf(order),
      stdio: ["ignore", "ignore", "pipe", "ipc", ...(descriptor === null ? [] : [descriptor])],
    });
    this.#child.stderr!.on("data", (bytes: Buffer) => {
      this.#words = (this.#words + bytes.toString()).slice(-longestWords);
    });
    this.#child.on("message", (message: FromEngineProcess) => this.#take(message));
    this.ended = new Promise((resolve) => {
      this.#child.once("error", (error) => this.#end(error.message, resolve));
      this.#child.once("close", (code, signal) =>
        this.#end(endOf(program, { code, signal, words: this.#words.trim() }), resolve),
      );
    });
    this.opened = this.#reply(null) as Promise<EngineFacts>;
    this.opened.catch(() => {}); // each run reports it
    this.#send({ type: "open", order, memory });
  }

  /** @param input a copy of the windows; null if the memory is shared */
  async run(order: RunOrder, input: Float32Array | null): Promise<Done> {
    const run = this.#runs++;
    await this.opened;
    const reply = this.#reply(run);
    this.#send({ type: "run", run, order, input });
    return reply as Promise<Done>;
  }

  end(): void {
    this.#isStopped = true;
    this.#child.kill("SIGKILL");
  }

  #reply(key: number | null): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.hasEnded) reject(new Error("the process that computes has ended"));
      else this.#pending.set(key, { resolve, reject });
    });
  }

  #send(message: ToEngineProcess): void {
    this.#child.send(message, () => {}); // if the process has ended, every reply is rejected
  }

  #take(message: FromEngineProcess): void {
    const key = message.type === "opened" ? null : message.run;
    const pending = this.#pending.get(key);
    this.#pending.delete(key);
    if (message.type !== "failed") pending?.resolve(message.type === "opened" ? message.facts : message);
    else if (message.reason === null) pending?.reject(new Error(message.message));
    else pending?.reject(new WorkerFailure(message.reason, message.message));
  }

  #end(message: string, resolve: () => void): void {
    this.hasEnded = true;
    for (const { reject } of this.#pending.values())
      reject(this.#isStopped ? new WorkerFailure("stopped", "stopped") : new Error(message));
    this.#pending.clear();
    resolve();
  }
}

/**
 * ONNX Runtime reads ORT_DISABLE_TELEMETRY when it loads, and otherwise sends telemetry to its maker. CUDA numbers GPUs as
 * nvidia-smi does only if CUDA_DEVICE_ORDER says so.
 */
function environmentOf(order: EngineOrder): NodeJS.ProcessEnv {
  return {
    CUDA_DEVICE_ORDER: "PCI_BUS_ID",
    ...process.env,
    ...(order.engine === "onnxruntime" ? order.gpuVariables : {}),
    ORT_DISABLE_TELEMETRY: "1",
  };
}

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly words: string;
}

/** Says how a process ended. The kernel ends a process with SIGKILL if memory runs out. */
function endOf(program: string, { code, signal, words }: End): string {
  const last = words === "" ? "" : `: ${words}`;
  if (signal === "SIGKILL")
    return `the system ended ${program}, because it ran out of memory (SIGKILL)${last}`;
  return `${program} crashed (${signal ?? `exit code ${code}`})${last}`;
}
