import * as ort from "onnxruntime-node";
import { onnxRuntimeVersion } from "../onnx-runtime.js";
import { describeProviders, openProfiledSession } from "../provider-profile.js";
import { WorkerFailure } from "../worker-messages.js";
import type { Combinations, OnnxRuntimeOrder, RunOrder } from "./engine-messages.js";
import type { EngineFacts } from "./inference-engine.js";
import type { LoadedNetworks, RunMemory } from "./loaded-networks.js";
import { meanPlaces, outputBytes, patchVoxels } from "./window-memory.js";

/** The folds of one model in ONNX Runtime, in the process that computes them. A run blocks this process. */
export class OnnxRuntimeNetworks implements LoadedNetworks {
  readonly #order: OnnxRuntimeOrder;
  readonly #memory: RunMemory;
  readonly #singles = new Map<number, ort.InferenceSession>();
  #averaging: ort.InferenceSession | null = null;

  constructor(order: OnnxRuntimeOrder, memory: RunMemory) {
    this.#order = order;
    this.#memory = memory;
  }

  async open(): Promise<EngineFacts> {
    const { gpuNetworks, onnxFiles, device } = this.#order;
    const file = gpuNetworks?.onnxFile ?? onnxFiles[0]!;
    const { session, provider } =
      device === "cpu"
        ? { session: await this.#create(file), provider: "CPUExecutionProvider" }
        : await this.#createProfiled(file);
    if (gpuNetworks === null) this.#singles.set(0, session);
    else this.#averaging = session;
    await this.#openFurther();
    return { executionProvider: provider, program: `ONNX Runtime ${await onnxRuntimeVersion()}` };
  }

  async run(order: RunOrder): Promise<number | null> {
    const { windows, place, fold, combinations } = order;
    const { memory, places } = this.#memory;
    const { input, output } = places[place]!;
    const { window } = this.#order;
    const shape = [windows, window.channels, ...window.patchSize];
    const values = memory.floats(input, windows * window.channels * patchVoxels(window));
    const tensor = new ort.Tensor("float32", values, shape);
    if (fold === null) return this.#average(order, tensor, combinations!);
    const session = await this.#single(fold);
    // Networks from other sources may have other names for the input and the output.
    const outputShape = [windows, window.heads, ...window.patchSize];
    const target = memory.floats(output, outputBytes(window, windows, false) / 4);
    await session.run(
      { [session.inputNames[0]!]: tensor },
      { [session.outputNames[0]!]: new ort.Tensor("float32", target, outputShape) },
    );
    return null;
  }

  /** Runs the graph that averages folds and mirrorings itself, in float16. */
  async #average(
    { windows, place }: RunOrder,
    tensor: ort.Tensor,
    { folds, orders }: Combinations,
  ): Promise<number> {
    const indices = (values: readonly number[], shape: readonly number[]) =>
      new ort.Tensor("int64", BigInt64Array.from(values, BigInt), shape);
    const feeds = {
      windows: tensor,
      folds: indices(folds, [folds.length]),
      ...Object.fromEntries(
        Object.entries(orders).map(([axis, order]) => [
          `orders_${axis}`,
          indices(order, [folds.length, order.length / folds.length]),
        ]),
      ),
    };
    const outputs = await this.#averaging!.run(feeds);
    const { memory, places } = this.#memory;
    meanPlaces(this.#order.window, windows).forEach(({ start, length }, group) => {
      // In newer versions of Node, ONNX Runtime cannot write float16 numbers to given memory.
      const { buffer, byteOffset } = outputs[`mean_${group}`]!.data as Uint16Array;
      memory
        .bytes(places[place]!.output + start, 2 * length)
        .set(new Uint8Array(buffer, byteOffset, 2 * length));
    });
    return (outputs["total"]!.data as Float32Array)[0]!;
  }

  /** Returns the session of one fold in float32. */
  async #single(fold: number): Promise<ort.InferenceSession> {
    const session = this.#singles.get(fold) ?? (await this.#create(this.#order.onnxFiles[fold]!));
    this.#singles.set(fold, session);
    return session;
  }

  /** Loads the other folds, unless a graph of all folds exists. In that case they are loaded when float16 overflows. */
  async #openFurther(): Promise<void> {
    if (this.#order.gpuNetworks !== null) return;
    for (let fold = 0; fold < this.#order.onnxFiles.length; fold++) await this.#single(fold);
  }

  #create(file: string): Promise<ort.InferenceSession> {
    return ort.InferenceSession.create(file, this.#sessionOptions).catch(this.#failure);
  }

  async #createProfiled(file: string) {
    const { session, providers } = await openProfiledSession(file, this.#sessionOptions).catch(this.#failure);
    const provider = describeProviders(providers);
    if (providers["CUDAExecutionProvider"] === undefined)
      throw new WorkerFailure("device", `ONNX Runtime ran the network on ${provider}`);
    return { session, provider };
  }

  /** On a GPU, a graph that does not load counts as a failure of the device, because the cause is unknown. */
  readonly #failure = (error: Error): never => {
    throw this.#order.device === "cpu" ? error : new WorkerFailure("device", error.message);
  };

  get #sessionOptions(): ort.InferenceSession.SessionOptions {
    const { device, threads, keepsFeatureMaps } = this.#order;
    return {
      executionProviders: [device],
      intraOpNumThreads: threads,
      graphOptimizationLevel: "all",
      // ONNX Runtime need not log failures, because it throws them as well.
      logSeverityLevel: 4,
      // Without the arena, a 128³ network takes a fifth more time, because the system has to clear new memory for every
      // map.
      enableCpuMemArena: device === "cpu" && keepsFeatureMaps,
      enableMemPattern: false,
      extra: {
        session: {
          // On a shared machine, threads that wait longer without sleeping add up to a third to a window's time.
          intra_op: { spin_duration_us: "100" },
          // Otherwise, weights would make the device's arena grow by twice their size.
          ...(device === "cuda" ? { use_device_allocator_for_initializers: "1" } : {}),
        },
      },
    };
  }
}
