import type { RunOrder, RunPlace } from "./engine-messages.js";
import type { EngineFacts } from "./inference-engine.js";
import type { MappedMemory } from "./shared-region.js";

/** The folds of one model, in the process that computes them. */
export interface LoadedNetworks {
  /** Loads the networks that every window needs, so that a problem appears at the start. */
  open(): Promise<EngineFacts>;
  /**
   * Computes windows that are in the memory at a place, and writes the output there.
   *
   * @returns the sum of all outputs, if the graph computes it
   */
  run(order: RunOrder): Promise<number | null>;
}

/** The memory with windows and outputs. */
export interface RunMemory {
  readonly memory: MappedMemory;
  readonly places: readonly RunPlace[];
}
