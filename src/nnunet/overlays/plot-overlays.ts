import { join } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { readDatasetJson } from "../datasets/dataset-json.js";
import { chooseReader } from "../datasets/image-reader.js";
import { listCases } from "../datasets/list-cases.js";
import { forEachCase, type WorkSession } from "../threads/for-each-case.js";

export interface OverlayOptions extends WorkSession {
  readonly outputFolder: string;
  /** The channel that is drawn, from 0. */
  readonly channel: number;
  readonly intensity: number;
}

export interface PlotOverlaysOptions extends OverlayOptions {
  /** The raw folder of a data set. */
  readonly datasetFolder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Writes `<case>.png` for each training case of a data set, as `nnUNetv2_plot_overlay_pngs --use_raw` does.
 *
 * @returns the number of pictures
 * @throws DATASET_INVALID; USAGE for a channel that the data set lacks; the errors of `plotOverlay`
 */
export async function plotOverlays(options: PlotOverlaysOptions): Promise<number> {
  const { datasetFolder, outputFolder, channel, intensity, environment } = options;
  const dataset = await readDatasetJson(datasetFolder);
  const channels = dataset.channelNames.length;
  if (channel >= channels)
    throw sharedError(
      "USAGE",
      `there is no channel ${channel}: ${datasetFolder} has the channels 0 to ${channels - 1}`,
    );
  const cases = await listCases(dataset, environment);
  const { reader } = await chooseReader(dataset, cases[0]?.images[0] ?? null);
  await makeFolder(outputFolder);
  const tasks = cases.flatMap(({ id, images, label }) => {
    // A picture in colours is one file.
    const imageFile = images[channel] ?? images[0];
    if (imageFile === undefined || label === null) return [];
    const source = { kind: "raw", imageFile, labelFile: label, reader } as const;
    return [{ source, intensity, target: join(outputFolder, `${id}.png`) }];
  });
  await forEachCase("drawing labels over images", "plotOverlay", tasks, options);
  return tasks.length;
}
