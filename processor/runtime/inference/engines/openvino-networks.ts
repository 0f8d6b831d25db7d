import type { OpenvinoOrder, RunOrder } from "./engine-messages.js";
import type { EngineFacts } from "./inference-engine.js";
import type { LoadedNetworks, RunMemory } from "./loaded-networks.js";
import {
  type CompiledNetwork,
  type InferRequest,
  OpenvinoCalls,
  type OpenvinoProperties,
} from "./openvino-calls.js";

/** One fold, compiled for one number of windows, with a request for each place in the shared memory. */
interface LoadedFold {
  readonly network: CompiledNetwork;
  readonly requests: Map<number, InferRequest>;
}

/** The folds of one model in OpenVINO, in the process that computes them. */
export class OpenvinoNetworks implements LoadedNetworks {
  readonly #calls: OpenvinoCalls;
  readonly #order: OpenvinoOrder;
  readonly #memory: RunMemory;
  readonly #loaded = new Map<string, LoadedFold>();
  /** Settles when every run so far has ended. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(order: OpenvinoOrder, memory: RunMemory) {
    this.#calls = new OpenvinoCalls(order.folder);
    this.#order = order;
    this.#memory = memory;
  }

  /** Compiles every fold that may be in memory, so that a problem appears at the start. */
  async open(): Promise<EngineFacts> {
    const { onnxFiles, holdsAllFolds } = this.#order;
    for (let fold = 0; fold < (holdsAllFolds ? onnxFiles.length : 1); fold++) this.#load(fold, 1);
    return { executionProvider: "OpenVINO CPU", program: `OpenVINO ${this.#calls.version.split("-")[0]}` };
  }

  /** Returns the value that OpenVINO uses for a setting of a fold. */
  property(fold: number, key: string): string {
    return this.#load(fold, 1).network.property(key);
  }

  async run({ fold, windows, place }: RunOrder): Promise<null> {
    if (fold === null) throw new Error("OpenVINO runs each fold alone");
    if (this.#order.holdsAllFolds) {
      await this.#compute(fold, windows, place);
      return null;
    }
    const run = this.#last.then(() => {
      this.#freeOthers(fold);
      return this.#compute(fold, windows, place);
    });
    this.#last = run.catch(() => {});
    await run;
    return null;
  }

  async #compute(fold: number, windows: number, place: number): Promise<void> {
    const { network, requests } = this.#load(fold, windows);
    const { input, output } = this.#memory.places[place]!;
    const base = this.#memory.memory.address;
    const request = requests.get(place) ?? network.request(base + BigInt(input), base + BigInt(output));
    requests.set(place, request);
    await request.run();
  }

  /** Frees the other folds; no run may be under way. */
  #freeOthers(fold: number): void {
    for (const [key, { network, requests }] of this.#loaded) {
      if (key.startsWith(`${fold} `)) continue;
      for (const request of requests.values()) request.free();
      network.free();
      this.#loaded.delete(key);
    }
  }

  #load(fold: number, windows: number): LoadedFold {
    const key = `${fold} ${windows}`;
    const present = this.#loaded.get(key);
    if (present !== undefined) return present;
    const { onnxFiles, window } = this.#order;
    const shape = [windows, window.channels, ...window.patchSize];
    const network = this.#calls.compile(onnxFiles[fold]!, shape, openvinoProperties(this.#order));
    const expected = [windows, window.heads, ...window.patchSize];
    if (network.outputShape.join() !== expected.join())
      throw new Error(
        `the network's output is ${network.outputShape.join(" × ")}, but ${expected.join(" × ")} is needed`,
      );
    const loaded = { network, requests: new Map<number, InferRequest>() };
    this.#loaded.set(key, loaded);
    return loaded;
  }
}

/** OpenVINO's names of number formats. */
const precisionHints = { float32: "f32", bfloat16: "bf16" } as const;

/**
 * Returns the settings of a compiled network. OpenVINO's own default is a format with fewer bits where the CPU has
 * instructions for it, so the format is always given.
 */
const openvinoProperties = ({
  precision,
  threads,
}: Pick<OpenvinoOrder, "precision" | "threads">): OpenvinoProperties => ({
  INFERENCE_PRECISION_HINT: precisionHints[precision],
  EXECUTION_MODE_HINT: precision === "float32" ? "ACCURACY" : "PERFORMANCE",
  INFERENCE_NUM_THREADS: String(threads),
  NUM_STREAMS: "1",
  // Other programs may use the same cores.
  ENABLE_CPU_PINNING: "NO",
});
