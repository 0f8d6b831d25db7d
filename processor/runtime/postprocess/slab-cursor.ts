import type { AxisTable } from "../../imaging/resampling/axis-table.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import type { LogitSlab, LogitStream } from "../inference/logit-slab.js";
import type { SlabWindow } from "./blend-slices.js";

/** A position in a stream: the current slab and the slice before it. */
export class SlabCursor {
  readonly stream: LogitStream;
  readonly tables: Zyx<AxisTable>;
  /** The current slab; null before the first one. */
  window: SlabWindow | null = null;
  readonly #iterator: AsyncIterator<LogitSlab>;
  readonly #lastSlice: Float32Array<SharedArrayBuffer>;
  /** The number of network slices that have arrived. */
  #end = 0;

  constructor(stream: LogitStream, tables: Zyx<AxisTable>) {
    this.stream = stream;
    this.tables = tables;
    const sliceValues = stream.heads * stream.sizeZyx[1] * stream.sizeZyx[2];
    this.#lastSlice = new Float32Array(new SharedArrayBuffer(sliceValues * 4));
    this.#iterator = stream.slabs[Symbol.asyncIterator]();
  }

  /** Returns the first output slice, from `done` on, that needs a network slice which has not arrived. */
  readySlices(done: number): number {
    const { upper } = this.tables[0];
    let ready = done;
    while (ready < upper.length && upper[ready]! < this.#end) ready++;
    return ready;
  }

  /** Takes the next slab, and keeps the last slice of the current one. No earlier slice is needed any more. */
  async advance(): Promise<void> {
    const { window } = this;
    const lastSlice = this.#lastSlice;
    if (window !== null) lastSlice.set(window.values.subarray(window.values.length - lastSlice.length));
    const { value: slab, done } = await this.#iterator.next();
    if (done === true)
      throw new Error(`the network's output ended at slice ${this.#end} of ${this.stream.sizeZyx[0]}`);
    this.window = {
      zStart: slab.zStart,
      values: slab.values,
      previous: window === null ? null : lastSlice,
    };
    this.#end = slab.zStart + slab.sizeZyx[0];
  }

  /** Reads the stream to its end, so that the network is free for the next case. */
  async finish(): Promise<void> {
    while ((await this.#iterator.next()).done !== true);
  }

  /** Closes the stream at the current position; does nothing if it has ended. */
  async leave(): Promise<void> {
    await this.#iterator.return?.();
  }
}
