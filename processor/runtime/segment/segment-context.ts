import type { EventListener } from "../../contract/progress/run-event.js";
import type { RunSettings } from "../../contract/run-settings.js";
import type { Hooks } from "../hooks/hooks.js";
import type { NetworkSet } from "../inference/network-set.js";
import type { LoadedModel } from "../model/load-model.js";
import type { RuntimePool } from "../threads/kernels.js";

/** The objects that all cases of a run share. */
export interface SegmentContext {
  readonly opened: OpenedModel;
  readonly settings: RunSettings;
  readonly tools: Tools;
}

/** A model whose networks are loaded or being loaded. */
export interface OpenedModel extends LoadedModel {
  readonly networks: NetworkSet;
}

export interface Tools {
  readonly pool: RuntimePool;
  readonly hooks: Hooks;
  readonly onEvent: EventListener;
  readonly signal: AbortSignal;
}
