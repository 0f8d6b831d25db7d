import type { AxisTable } from "../../imaging/resampling/axis-table.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import type { LogitSlab, LogitStream } from "../inference/logit-slab.js";
import type { SlabWindow } from "./blend-slices.js";

/** A place in a stream: the slab at hand and the slice before it. */
export class SlabCursor {
  /** Null before the first slab. */
  window: SlabWindow | null = null;
  readonly #iterator: AsyncIterator<LogitSlab>;
  readonly #lastSlice: Float32Array<SharedArrayBuffer>;
  /** Network slices that have arrived. */
  #end = 0;

  constructor(
    readonly stream: LogitStream,
    readonly tables: Zyx<AxisTable>,
  ) {
    const sliceValues = stream.heads * stream.sizeZyx[1] * stream.sizeZyx[2];
    this.#lastSlice = new Float32Array(new SharedArrayBuffer(sliceValues * 4));
    this.#iterator = stream.slabs[Symbol.asyncIterator]();
  }

  /** The first output slice, from `done` on, that needs a network slice which has not arrived. */
  readySlices(done: number): number {
    const { upper } = this.tables[0];
    let ready = done;
    while (ready < upper.length && upper[ready]! < this.#end) ready++;
    return ready;
  }

  /** Takes the next slab; nothing that is still needed lies further back than one slice. */
  async advance(): Promise<void> {
    const { window } = this;
    const lastSlice = this.#lastSlice;
    if (window !== null) lastSlice.set(window.values.subarray(window.values.length - lastSlice.length));
    const { value: slab, done } = await this.#iterator.next();
    if (done === true)
      throw new Error(`the network's answer ended at slice ${this.#end} of ${this.stream.sizeZyx[0]}`);
    this.window = {
      zStart: slab.zStart,
      values: slab.values,
      previous: window === null ? null : lastSlice,
    };
    this.#end = slab.zStart + slab.sizeZyx[0];
  }

  /** Lets the stream come to its end, so that the network is free for the next case. */
  async finish(): Promise<void> {
    while ((await this.#iterator.next()).done !== true);
  }

  /** Gives the stream up where it is; nothing once it has ended. */
  async leave(): Promise<void> {
    await this.#iterator.return?.();
  }
}
