import type { HeadRange } from "../../contract/head-ranges.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import type { SlabSender } from "./slab-sender.js";
import { type SumsShape, type WindowOutputs, WindowSums } from "./window-sums.js";

/** The receiver of the outputs of a case's windows, row by row. */
export interface OutputSink {
  /**
   * Adds the outputs of some heads. The caller must not use `values` afterwards, because they may be transferred to
   * another thread.
   *
   * @param heads null for all heads
   */
  add(outputs: WindowOutputs, heads: HeadRange | null): void;
  /** Adds the weights of windows whose outputs have all been added. */
  addWeights(cornersZyx: readonly Zyx[]): void;
  /**
   * Sends the slices `from … to` of the current row, which are final.
   *
   * @param zStart the index of the first of these slices on the network's grid
   */
  finish(from: number, to: number, zStart: number): void;
  /** Drops the first slices of the current row, because the next row begins after them. */
  advance(slices: number): void;
  /** Waits until the main thread has taken every slab. */
  settle(): void;
}

/** Sums outputs on the thread that runs the network. */
export class LocalSink implements OutputSink {
  readonly #sums: WindowSums;

  readonly #slabs: SlabSender;

  constructor(shape: SumsShape, slabs: SlabSender) {
    this.#slabs = slabs;

    this.#sums = new WindowSums(shape, { from: 0, to: shape.heads });
  }

  add(outputs: WindowOutputs, heads: HeadRange | null): void {
    if (heads !== null) throw new Error("a local sink takes the outputs of all heads only");
    this.#sums.add(outputs);
  }

  addWeights(cornersZyx: readonly Zyx[]): void {
    this.#sums.addWeights(cornersZyx);
  }

  finish(from: number, to: number, zStart: number): void {
    const most = this.#slabs.slicesPerSlab;
    for (let start = from; start < to; start += most) {
      const end = Math.min(start + most, to);
      const slab = this.#slabs.borrow(end - start);
      this.#sums.finish(start, end, slab);
      this.#slabs.post(slab, zStart + start - from);
    }
  }

  advance(slices: number): void {
    this.#sums.advance(slices);
  }

  settle(): void {
    this.#slabs.settle();
  }
}
