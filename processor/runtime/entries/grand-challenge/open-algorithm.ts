import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { checkExportMode } from "../../../contract/check-export-mode.js";
import type { EventListener } from "../../../contract/progress/run-event.js";
import type { ImageSettings } from "../../../contract/run-settings.js";
import { sharedError } from "../../../contract/shared-errors.js";
import type { GrandChallengeTarget } from "../../../contract/target.js";
import { exists } from "../../../files/exists.js";
import type { LabelMap } from "../../../imaging/volume/label-map.js";
import type { CaseReport } from "../../cases/case.js";
import { caseFailure } from "../../cases/case-failure.js";
import { caseRequest } from "../../cases/case-request.js";
import type { Hooks } from "../../hooks/hooks.js";
import type { LoadedModel } from "../../model/load-model.js";
import { checkOutputs } from "../../outputs/check-outputs.js";
import { writeJsonOutput } from "../../outputs/json-output.js";
import { writeResultsJson } from "../../outputs/results-json.js";
import { memoryError } from "../../run/memory-limit.js";
import { openRunner } from "../../run/open-runner.js";
import { findSocketCase } from "./find-case.js";

export interface AlgorithmOptions {
  readonly loaded: LoadedModel;
  /** The settings of the manifest, overridden by the command line. */
  readonly settings: ImageSettings;
  readonly target: GrandChallengeTarget;
  readonly onEvent: EventListener;
}

/** A loaded algorithm. Each run segments the case that is in the input folder at that time. */
export interface Algorithm {
  /**
   * Segments one case. It rejects with the case's own error, after which another run may follow. Only one run at a time
   * is allowed.
   */
  run(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * Loads the networks of an algorithm.
 *
 * @throws the errors of `openRunner`; OUT_OF_MEMORY; EXPORT_MODE_UNFIT; CONFIG_INVALID for settings that the platform
 *   does not accept
 */
export async function openAlgorithm(options: AlgorithmOptions): Promise<Algorithm> {
  const { loaded, settings, target, onEvent } = options;
  if (settings.saveProbabilities)
    throw sharedError("CONFIG_INVALID", "grand-challenge takes no probabilities: one image a socket");
  checkExportMode(settings.exportMode, loaded.manifest.models, { savesProbabilities: false });
  const runner = await openRunner(loaded, {
    settings,
    hookModule: settings.hookModule === null ? null : join(loaded.folder, settings.hookModule),
    adaptHooks: withEightBits,
    onEvent,
  }).catch((error: unknown) => {
    throw memoryError(error);
  });
  const { channelNames } = loaded.model;
  return {
    async run(signal) {
      const { inputDir, outputDir, writeJson } = settings;
      const found = await findSocketCase({ inputDir, target, channelNames });
      const folder = join(outputDir, "images", target.outputSocket);
      const request = caseRequest(found, {
        folder,
        ending: ".mha",
        savesProbabilities: false,
        nvidiaOutputs: null,
        previousStage: null,
        suffix: null,
      });
      await requireNoOtherImage(folder, `${found.name}.mha`);
      await checkOutputs([request], "overwrite");
      const reports = await runner
        .segment([request], { existing: "overwrite", signal })
        .catch((error: unknown) => {
          throw memoryError(error);
        });
      if (writeJson) await writeResultsJson(outputDir, reports);
      const [report] = reports as [CaseReport];
      if (report.error !== undefined) throw caseFailure(report.error);
      for (const output of target.jsonOutputs) await writeJsonOutput(output, report.labels!, outputDir);
    },
    close: () => runner.close(),
  };
}

/**
 * Refuses a second image in a socket's folder. The platform takes one image from the folder, and does not report which
 * of two it took.
 */
async function requireNoOtherImage(folder: string, own: string): Promise<void> {
  if (!(await exists(folder))) return;
  const other = (await readdir(folder)).find((name) => name !== own);
  if (other !== undefined)
    throw sharedError(
      "OUTPUT_EXISTS",
      `${join(folder, other)} lies where the platform expects one image only`,
    );
}

/** Adds a hook that converts masks to 8 bits, because the platform accepts no others. */
function withEightBits(hooks: Hooks): Hooks {
  return {
    ...hooks,
    async postProcessImage(labelMap, image, context) {
      return eightBits(await hooks.postProcessImage(labelMap, image, context), context.caseName);
    },
  };
}

function eightBits(labelMap: LabelMap, caseName: string): LabelMap {
  const { voxels } = labelMap;
  if (voxels instanceof Uint8Array) return labelMap;
  const largest = voxels.reduce((max, label) => Math.max(max, label), 0);
  if (largest <= 255) return { ...labelMap, voxels: Uint8Array.from(voxels) };
  throw sharedError(
    "TARGET_UNFIT",
    `${caseName}: the segmentation has label ${largest}; grand-challenge takes labels up to 255`,
  );
}
