import type { HeadRange } from "../../contract/head-ranges.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import type { SlabSender } from "./slab-sender.js";
import { type SumsShape, type WindowOutputs, WindowSums } from "./window-sums.js";

/** Where the outputs of a case's windows go, row by row. */
export interface OutputSink {
  /**
   * Takes outputs of some heads; `values` may be gone from the caller afterwards.
   *
   * @param heads null for all
   */
  add(outputs: WindowOutputs, heads: HeadRange | null): void;
  /** Says that all outputs to these windows are there. */
  addWeights(cornersZyx: readonly Zyx[]): void;
  /**
   * Slices `from … to` of the current row are final and leave; then the row moves on.
   *
   * @param zStart index of the first of them on the network's grid
   */
  finish(from: number, to: number, zStart: number): void;
  advance(slices: number): void;
  /** Waits until everything has left and was taken. */
  settle(): void;
}

/** Sums on the thread that runs the network. */
export class LocalSink implements OutputSink {
  readonly #sums: WindowSums;

  readonly #slabs: SlabSender;

  constructor(shape: SumsShape, slabs: SlabSender) {
    this.#slabs = slabs;

    this.#sums = new WindowSums(shape, { from: 0, to: shape.heads });
  }

  add(outputs: WindowOutputs, heads: HeadRange | null): void {
    if (heads !== null) throw new Error("outputs of some heads only");
    this.#sums.add(outputs);
  }

  addWeights(cornersZyx: readonly Zyx[]): void {
    this.#sums.addWeights(cornersZyx);
  }

  finish(from: number, to: number, zStart: number): void {
    const slab = this.#slabs.allocate(to - from);
    this.#sums.finish(from, to, slab);
    this.#slabs.post(slab, zStart);
  }

  advance(slices: number): void {
    this.#sums.advance(slices);
  }

  settle(): void {
    this.#slabs.settle();
  }
}
