import { join } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { exists } from "../../../processor/files/exists.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { didYouMean } from "../../../processor/files/nearest-path.js";
import { resolveConfiguration } from "../../checkpoint/nnunet-v2/configuration.js";
import { readJsonFile } from "../../checkpoint/read-json-file.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { forEachCase } from "../threads/for-each-case.js";
import { preprocessedFolder } from "../training/check-cases.js";
import type { OverlayOptions } from "./plot-overlays.js";

export interface PlotPreprocessedOptions extends OverlayOptions {
  /** `<nnUNet_preprocessed>/<data set>` */
  readonly datasetFolder: string;
  /** The name of the plans' file. */
  readonly plans: string;
  /** Null for nnU-Net's choice: 3d_fullres if the plans have it, else 2d. */
  readonly configuration: string | null;
}

/**
 * Writes `<case>.png` for each preprocessed case of a configuration, as `nnUNetv2_plot_overlay_pngs` does without --use_raw.
 *
 * @returns the number of pictures
 * @throws NOT_PREPROCESSED; USAGE for a missing configuration or channel; the errors of `plotOverlay`
 */
export async function plotPreprocessed(options: PlotPreprocessedOptions): Promise<number> {
  const { datasetFolder, outputFolder, plans, channel, intensity } = options;
  const plansFile = join(datasetFolder, `${plans}.json`);
  if (!(await exists(plansFile)))
    throw nnunetError("NOT_PREPROCESSED", `${plansFile} does not exist${await didYouMean(plansFile)}`);
  const plansJson = await readJsonFile(plansFile);
  const names = plansJson.get("configurations").keys();
  const configuration = options.configuration ?? (names.includes("3d_fullres") ? "3d_fullres" : "2d");
  if (!names.includes(configuration))
    throw sharedError(
      "USAGE",
      `${plansFile} has no configuration ${configuration}; it has ${names.join(", ")}`,
    );
  const channels = plansJson.get("foreground_intensity_properties_per_channel").keys().length;
  if (channel >= channels)
    throw sharedError(
      "USAGE",
      `there is no channel ${channel}: ${plansFile} has the channels 0 to ${channels - 1}`,
    );
  const identifier = resolveConfiguration(plansJson, configuration).get("data_identifier").string();
  const folder = join(datasetFolder, identifier);
  const { caseIds, format } = await preprocessedFolder(folder);
  await makeFolder(outputFolder);
  const tasks = caseIds.map((id) => ({
    source: { kind: "preprocessed", path: join(folder, id), format, channel } as const,
    intensity,
    target: join(outputFolder, `${id}.png`),
  }));
  await forEachCase("drawing labels over images", "plotOverlay", tasks, options);
  return tasks.length;
}
