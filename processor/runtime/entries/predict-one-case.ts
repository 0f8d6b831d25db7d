import type { EventListener } from "../../contract/progress/run-event.js";
import type { RunSettings } from "../../contract/run-settings.js";
import { imageError } from "../../imaging/errors.js";
import {
  type CaseOutput,
  type CaseReport,
  type CaseRequest,
  type ImageInput,
  placeOf,
  type Refinement,
} from "../cases/case.js";
import { loadModel, withoutPostProcessing } from "../model/load-model.js";
import { dicomOutputs, type OneCaseDicom } from "../outputs/one-case-dicom.js";
import { runModel } from "../run/run-model.js";

export interface PredictOneCaseOptions {
  /** A converted folder. */
  readonly modelDir: string;
  /** null for all that the folder has. */
  readonly folds: readonly string[] | null;
  readonly name: string;
  /** The images of the channels, in the model's order. Their names do not matter. */
  readonly channels: readonly ImageInput[];
  readonly settings: RunSettings;
  readonly refinement: Refinement | null;
  /** The outputs, the segmentation first. Existing files are replaced. */
  readonly outputs: readonly [CaseOutput, ...CaseOutput[]];
  /** The further outputs of DICOM series; null for other images. */
  readonly dicom: OneCaseDicom | null;
  readonly onEvent: EventListener;
  readonly signal: AbortSignal;
}

/**
 * Segments one case whose channels are named one by one, as nnunet_serve does: without the model's post-processing.
 *
 * @throws INPUT_CHANNELS if the number of channels is not the model's; what `runModel` throws before its first case
 */
export async function predictOneCase(options: PredictOneCaseOptions): Promise<CaseReport> {
  const { name, channels, refinement, outputs, dicom, settings, onEvent, signal } = options;
  const loaded = withoutPostProcessing(await loadModel(options.modelDir, options.folds));
  const { channelNames } = loaded.model;
  // A single file may hold all channels.
  const mayHoldAll = channels.length === 1 && channels[0]!.kind === "file";
  if (channels.length !== channelNames.length && !mayHoldAll) {
    throw imageError(
      "INPUT_CHANNELS",
      `the model takes ${channelNames.length} (${channelNames.join(", ")}), but ${channels.length} ${channels.length === 1 ? "was" : "were"} named: ${channels.map(placeOf).join(", ")}`,
    );
  }
  const furtherOutputs =
    dicom === null ? [] : await dicomOutputs(dicom, loaded, refinement?.candidates ?? null);
  const request: CaseRequest = {
    name,
    inputs: channels,
    previousStage: null,
    refinement,
    outputs: [...outputs, ...furtherOutputs],
  };
  const { cases } = await runModel(loaded, [request], {
    settings,
    existing: "overwrite",
    hookModule: null,
    onEvent,
    signal,
  });
  return cases[0]!;
}
