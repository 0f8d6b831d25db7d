import { isAbsolute, join, normalize } from "node:path";
import { counted } from "../../contract/counted.js";
import { type EventListener, runNote } from "../../contract/progress/run-event.js";
import type { ImageSettings } from "../../contract/run-settings.js";
import { sharedError } from "../../contract/shared-errors.js";
import type { CaseReport } from "../cases/case.js";
import { caseRequest } from "../cases/case-request.js";
import { mayHoldAllChannels } from "../cases/find-cases.js";
import { findImageCases } from "../cases/find-image-cases.js";
import { leftOutLines } from "../cases/left-out.js";
import type { LoadedModel } from "../model/load-model.js";
import { dicomResultsOf, notesFor, withDicomResults } from "../outputs/dicom-results.js";
import { writeResultsJson } from "../outputs/results-json.js";
import { runModel } from "../run/run-model.js";
import { noExtras } from "./case-extras.js";

export interface FolderEntryOptions {
  readonly loaded: LoadedModel;
  /** The settings of the manifest, overridden by the command line. */
  readonly settings: ImageSettings;
  readonly onEvent: EventListener;
  readonly signal: AbortSignal;
}

/**
 * Segments a folder, which is the default action of an image: every image of the input folder becomes a segmentation in
 * `<output>/<overlay_destination>`.
 */
export async function segmentFolder(options: FolderEntryOptions): Promise<readonly CaseReport[]> {
  const { loaded, settings, onEvent, signal } = options;
  const { cases, leftOut } = await findImageCases(settings, {
    channelNames: loaded.model.channelNames,
    mayHoldAllChannels: mayHoldAllChannels(loaded.model.plan),
  });
  for (const line of leftOutLines(leftOut)) onEvent(runNote("left-out", line));
  for (const line of numberedCaseLines(cases, loaded.model.channelNames.length))
    onEvent(runNote("numbered-cases", line));
  const destination = normalize(settings.overlayDestination);
  if (isAbsolute(destination) || destination.startsWith("..")) {
    throw sharedError(
      "CONFIG_INVALID",
      `overlay_destination ${settings.overlayDestination} leaves the output folder`,
    );
  }
  const requests = cases.map((found) =>
    caseRequest(found, {
      folder: join(settings.outputDir, destination),
      ending: `.${settings.outputExtension}`,
      savesProbabilities: settings.saveProbabilities,
      nvidiaOutputs: loaded.model.plan.nvidia?.outputs ?? null,
      previousStage: null,
      suffix: null,
    }),
  );
  const results = await dicomResultsOf(loaded.manifest, settings, noExtras);
  for (const line of notesFor(requests, results)) onEvent(runNote("dicom-metadata", line));
  const complete = requests.map((request) => withDicomResults(request, results));
  onEvent(runNote("case-count", `${counted(cases.length, "case")} in ${settings.inputDir}`));
  const { cases: reports } = await runModel(loaded, complete, {
    settings,
    existing: settings.overwriteOutput ? "overwrite" : "continue",
    hookModule: settings.hookModule === null ? null : join(loaded.folder, settings.hookModule),
    onEvent,
    signal,
  });
  if (settings.writeJson) await writeResultsJson(settings.outputDir, reports);
  return reports;
}

/**
 * Returns warnings for names that look like several channels of one case. For a model with one channel, every file is a
 * case, as in AMOS22 and `build_processor.py`, so the model would silently segment a modality that it never saw.
 */
function numberedCaseLines(
  cases: readonly { readonly name: string }[],
  channelCount: number,
): readonly string[] {
  if (channelCount > 1) return [];
  const names = new Set(cases.map(({ name }) => name));
  return [...names]
    .filter((name) => name.endsWith("_0000") && names.has(name.replace(/0000$/, "0001")))
    .map(
      (name) =>
        `${name}, ${name.replace(/0000$/, "0001")}, … are segmented as separate cases, because the model has one channel`,
    );
}
