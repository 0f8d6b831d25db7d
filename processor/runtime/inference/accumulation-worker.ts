import { parentPort } from "node:worker_threads";
import {
  addedIndex,
  failedForMemory,
  failedOtherwise,
  failureIndex,
  finishedIndex,
  type ToAccumulationWorker,
} from "./accumulation-messages.js";
import { WindowSums } from "./window-sums.js";

/** The sums of some heads, which this thread computes while the network runs on another thread. */
let sums: WindowSums | null = null;
let state = new Int32Array(new SharedArrayBuffer(4 * addedIndex));
let index = 0;

parentPort!.on("message", (message: ToAccumulationWorker) => {
  try {
    take(message);
  } catch (error) {
    publish(failureIndex, error instanceof RangeError ? failedForMemory : failedOtherwise);
  }
});

function take(message: ToAccumulationWorker): void {
  switch (message.type) {
    case "begin":
      ({ state, index } = message);
      sums = null; // frees the sums of the last case before those of this case are allocated
      sums = new WindowSums(message.shape, message.range);
      return;
    case "add":
      sums?.add(message.outputs);
      publish(addedIndex + index, 1);
      return;
    case "weights":
      sums?.addWeights(message.cornersZyx);
      return;
    case "finish":
      sums?.finish(message.from, message.to, message.slab);
      publish(finishedIndex, 1);
      return;
    case "advance":
      sums?.advance(message.slices);
      return;
  }
}

function publish(place: number, count: number): void {
  Atomics.add(state, place, count);
  Atomics.notify(state, place);
}
