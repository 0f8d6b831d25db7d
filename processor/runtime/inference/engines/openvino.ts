import { type ChildProcess, fork } from "node:child_process";
import { openvinoVersion } from "../../../contract/openvino-libraries.js";
import { WorkerFailure } from "../worker-messages.js";
import {
  type EngineOrder,
  type FromEngineProcess,
  type RunPlace,
  regionDescriptor,
  type ToEngineProcess,
} from "./engine-messages.js";
import type { CpuPrecision, EngineFacts, InferenceEngine, WindowShape } from "./inference-engine.js";
import { createSharedRegion, type SharedRegion } from "./shared-region.js";

export interface OpenvinoOptions {
  /** The folder with the libraries. */
  readonly folder: string;
  /** The network of each fold, as nnU-Net defines it: OpenVINO rewrites networks itself. */
  readonly onnxFiles: readonly string[];
  readonly window: WindowShape;
  readonly threads: number;
  readonly precision: CpuPrecision;
  /** True if all folds stay in memory with their feature maps. */
  readonly holdsAllFolds: boolean;
}

/** A run of this many voxels or more keeps all cores busy. */
const busyVoxels = 500_000;
/** More windows at once take memory and save no time. */
const mostWindowsPerRun = 8;

/** One run computes while the next waits, so that OpenVINO never waits for this thread. */
const runsInFlight = 2;

/**
 * OpenVINO with the folds of one model, in a process of its own. Windows and outputs are in memory that both processes
 * share, so they are not copied. The process is started again if it has ended.
 */
export class OpenvinoEngine implements InferenceEngine {
  readonly name = "openvino";
  readonly averaging = null;
  readonly runsInFlight = runsInFlight;
  readonly holdsAllFolds: boolean;
  readonly windowsPerRun: number;

  readonly #options: OpenvinoOptions;
  readonly #region: SharedRegion;
  readonly #order: EngineOrder;
  readonly #inputs: readonly Float32Array[];
  readonly #outputs: readonly Float32Array[];
  #process: EngineProcess | null = null;
  #runs = 0;

  /** @throws Error if memory cannot be shared */
  constructor(options: OpenvinoOptions) {
    this.#options = options;
    this.holdsAllFolds = options.holdsAllFolds;
    this.windowsPerRun = Math.max(
      1,
      Math.min(mostWindowsPerRun, Math.floor(busyVoxels / voxels(options.window))),
    );
    const { places, regionBytes } = layOut(options.window, this.windowsPerRun);
    this.#region = createSharedRegion(regionBytes);
    const { floats } = this.#region.memory;
    this.#inputs = places.map(({ input }) => floats(input, this.windowsPerRun * this.#inputLength));
    this.#outputs = places.map(({ output }) => floats(output, this.windowsPerRun * this.#outputLength));
    const { folder, onnxFiles, window, threads, precision, holdsAllFolds } = options;
    this.#order = { folder, onnxFiles, window, threads, precision, holdsAllFolds, regionBytes, places };
  }

  get foldCount(): number {
    return this.#options.onnxFiles.length;
  }

  async open(): Promise<EngineFacts> {
    await this.#started().opened;
    return { executionProvider: "OpenVINO CPU", program: `OpenVINO ${openvinoVersion}` };
  }

  async run(fold: number, windows: number, fill: (input: Float32Array) => void): Promise<Float32Array> {
    const place = this.#runs++ % runsInFlight;
    fill(this.#inputs[place]!.subarray(0, windows * this.#inputLength));
    await this.#started().run(fold, windows, place);
    return this.#outputs[place]!.subarray(0, windows * this.#outputLength);
  }

  /** Ends the process, with all its memory. The next run starts it again. */
  async freeMemory(): Promise<void> {
    this.stop();
  }

  stop(): void {
    this.#process?.end();
    this.#process = null;
  }

  async close(): Promise<void> {
    const process = this.#process;
    this.stop();
    await process?.ended;
    this.#region.close();
  }

  #started(): EngineProcess {
    if (this.#process === null || this.#process.hasEnded)
      this.#process = new EngineProcess(this.#order, this.#region.descriptor);
    return this.#process;
  }

  get #inputLength(): number {
    return voxels(this.#options.window) * this.#options.window.channels;
  }

  get #outputLength(): number {
    return voxels(this.#options.window) * this.#options.window.heads;
  }
}

const voxels = ({ patchSize }: WindowShape): number => patchSize.reduce((a, b) => a * b, 1);

const pageBytes = 4096;

/** Puts the inputs and outputs of all runs one after the other, each from the start of a page. */
function layOut(window: WindowShape, windowsPerRun: number) {
  let regionBytes = 0;
  const place = (values: number): number => {
    const start = regionBytes;
    regionBytes += Math.ceil((4 * values * windowsPerRun) / pageBytes) * pageBytes;
    return start;
  };
  const places = Array.from({ length: runsInFlight }, (): RunPlace => {
    const input = place(voxels(window) * window.channels);
    return { input, output: place(voxels(window) * window.heads) };
  });
  return { places, regionBytes };
}

/** The most characters of the process's last words that a message shows. */
const longestWords = 300;

/** One process with the loaded networks, from its start to its end. */
class EngineProcess {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number | null, { resolve(): void; reject(error: Error): void }>();
  /** Resolves when the networks are loaded. */
  readonly opened: Promise<void>;
  readonly ended: Promise<void>;
  hasEnded = false;
  #isStopped = false;
  #runs = 0;
  #words = "";

  constructor(order: EngineOrder, descriptor: number) {
    this.#child = fork(new URL("./engine-process.js", import.meta.url), [], {
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc", descriptor],
    });
    if (regionDescriptor !== 4) throw new Error("the shared memory must follow the channel of messages");
    this.#child.stderr!.on("data", (bytes: Buffer) => {
      this.#words = (this.#words + bytes.toString()).slice(-longestWords);
    });
    this.#child.on("message", (message: FromEngineProcess) => this.#take(message));
    this.ended = new Promise((resolve) => {
      this.#child.once("error", (error) => this.#end(error.message, resolve));
      this.#child.once("close", (code, signal) => this.#end(endOf(code, signal, this.#words), resolve));
    });
    this.opened = this.#reply(null);
    this.#send({ type: "open", order });
  }

  async run(fold: number, windows: number, place: number): Promise<void> {
    const run = this.#runs++;
    await this.opened;
    const reply = this.#reply(run);
    this.#send({ type: "run", run, fold, windows, place });
    return reply;
  }

  end(): void {
    this.#isStopped = true;
    this.#child.kill("SIGKILL");
  }

  #reply(key: number | null): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.hasEnded) reject(new Error("the process of OpenVINO has ended"));
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
    if (message.type === "failed") pending?.reject(new Error(message.message));
    else pending?.resolve();
  }

  #end(message: string, resolve: () => void): void {
    this.hasEnded = true;
    for (const { reject } of this.#pending.values())
      reject(this.#isStopped ? new WorkerFailure("stopped", "stopped") : new Error(message));
    this.#pending.clear();
    resolve();
  }
}

/** Says how a process ended. The kernel ends a process with SIGKILL if memory runs out. */
function endOf(code: number | null, signal: NodeJS.Signals | null, words: string): string {
  const last = words.trim() === "" ? "" : `: ${words.trim()}`;
  if (signal === "SIGKILL") return `the system ended OpenVINO, because it ran out of memory (SIGKILL)${last}`;
  return `OpenVINO crashed (${signal ?? `exit code ${code}`})${last}`;
}
