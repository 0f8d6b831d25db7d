/**
 * The program of the process that calls OpenVINO. It ends with its parent, and the parent ends it to stop a run: native
 * code cannot be interrupted, and a crash in it must not end the parent.
 */
import { type FromEngineProcess, regionDescriptor, type ToEngineProcess } from "./engine-messages.js";
import { OpenvinoNetworks } from "./openvino-networks.js";
import { mapMemory } from "./shared-region.js";

let networks: OpenvinoNetworks | null = null;

const send = (message: FromEngineProcess): void => void process.send!(message);

process.on("message", (message: ToEngineProcess) => {
  const run = message.type === "run" ? message.run : null;
  take(message).catch((error: Error) => send({ type: "failed", run, message: error.message }));
});

// A run cannot be awaited here: nobody would read its output.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));

async function take(message: ToEngineProcess): Promise<void> {
  if (message.type === "open") {
    networks = new OpenvinoNetworks(message.order, mapMemory(regionDescriptor, message.order.regionBytes));
    networks.open();
    send({ type: "opened", version: networks.version });
    return;
  }
  await networks!.run(message.fold, message.windows, message.place);
  send({ type: "done", run: message.run });
}
