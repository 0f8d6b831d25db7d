/**
 * The program of the process that computes networks. It ends with its parent, and the parent ends it to stop a run:
 * native code cannot be interrupted, and a crash in it must not end the parent.
 */
import { WorkerFailure } from "../worker-messages.js";
import { endWithParent } from "./end-with-parent.js";
import {
  type EngineOrder,
  type FromEngineProcess,
  type MemoryOrder,
  regionDescriptor,
  type ToEngineProcess,
} from "./engine-messages.js";
import type { WindowShape } from "./inference-engine.js";
import type { LoadedNetworks } from "./loaded-networks.js";
import { type MappedMemory, mapMemory } from "./shared-region.js";
import { outputBytes, ownMemory, partStartsOf } from "./window-memory.js";

interface Opened {
  readonly networks: LoadedNetworks;
  readonly memory: MappedMemory;
  readonly order: MemoryOrder;
  readonly window: WindowShape;
}

let opened: Opened | null = null;

const send = (message: FromEngineProcess): void => void process.send!(message);

endWithParent();

process.on("message", (message: ToEngineProcess) => {
  const run = message.type === "run" ? message.run : null;
  take(message).catch((error: Error) => {
    const reason = error instanceof WorkerFailure ? error.reason : null;
    send({ type: "failed", run, reason, message: error.message });
  });
});

async function take(message: ToEngineProcess): Promise<void> {
  if (message.type === "open") {
    const { order, memory: given } = message;
    const memory = given.isShared
      ? mapMemory(regionDescriptor, given.regionBytes, partStartsOf(given.places))
      : ownMemory(given.regionBytes);
    const networks = await networksOf(order, given, memory);
    const facts = await networks.open();
    opened = { networks, memory, order: given, window: order.window };
    send({ type: "opened", facts });
    return;
  }
  const { networks, memory, order, window } = opened!;
  const { windows, place, fold } = message.order;
  const { input, output } = order.places[place]!;
  if (message.input !== null) memory.floats(input, message.input.length).set(message.input);
  const total = await networks.run(message.order);
  const bytes = outputBytes(window, windows, fold === null);
  send({
    type: "done",
    run: message.run,
    total,
    output: order.isShared ? null : memory.bytes(output, bytes),
  });
}

/** Loads only the library that computes, because each takes memory. */
async function networksOf(
  order: EngineOrder,
  { places }: MemoryOrder,
  memory: MappedMemory,
): Promise<LoadedNetworks> {
  if (order.engine === "openvino") {
    const { OpenvinoNetworks } = await import("./openvino-networks.js");
    return new OpenvinoNetworks(order, { memory, places });
  }
  const { OnnxRuntimeNetworks } = await import("./onnxruntime-networks.js");
  return new OnnxRuntimeNetworks(order, { memory, places });
}
