import type { EventListener } from "../../contract/progress/run-event.js";
import type { RunSettings } from "../../contract/run-settings.js";
import { imageError } from "../../imaging/errors.js";
import { type CaseOutput, type CaseReport, imageFile, type Refinement } from "../cases/case.js";
import { loadModel, withoutPostProcessing } from "../model/load-model.js";
import { runModel } from "../run/run-model.js";

export interface PredictOneCaseOptions {
  /** A converted folder. */
  readonly modelDir: string;
  /** null for all that the folder has. */
  readonly folds: readonly string[] | null;
  readonly name: string;
  /** The images of the channels, in the model's order. Their names do not matter. */
  readonly channelPaths: readonly string[];
  readonly settings: RunSettings;
  readonly refinement: Refinement | null;
  /** The outputs, the segmentation first. Existing files are replaced. */
  readonly outputs: readonly [CaseOutput, ...CaseOutput[]];
  readonly onEvent: EventListener;
  readonly signal: AbortSignal;
}

/**
 * Segments one case whose channels are named one by one, as nnunet_serve does: without the model's post-processing.
 *
 * @throws INPUT_CHANNELS if the number of channels is not the model's; what `runModel` throws before its first case
 */
export async function predictOneCase(options: PredictOneCaseOptions): Promise<CaseReport> {
  const { name, channelPaths, refinement, outputs, settings, onEvent, signal } = options;
  const loaded = withoutPostProcessing(await loadModel(options.modelDir, options.folds));
  const { channelNames } = loaded.model;
  // A single file may hold all channels.
  if (channelPaths.length !== channelNames.length && channelPaths.length !== 1) {
    throw imageError(
      "INPUT_CHANNELS",
      `the model takes ${channelNames.length} (${channelNames.join(", ")}), but ${channelPaths.length} were named: ${channelPaths.join(", ")}`,
    );
  }
  const inputs = channelPaths.map(imageFile);
  const request = { name, inputs, previousStage: null, refinement, outputs };
  const { cases } = await runModel(loaded, [request], {
    settings,
    existing: "overwrite",
    hookModule: null,
    onEvent,
    signal,
  });
  return cases[0]!;
}
