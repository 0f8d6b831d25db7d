import { join } from "node:path";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { labelColour } from "../overlays/overlay.js";
import { forEachCase, type WorkSession } from "../threads/for-each-case.js";
import type { DatasetJson } from "./dataset-json.js";
import { datasetPage } from "./dataset-page.js";
import type { ImageReaderName } from "./image-reader.js";
import type { DatasetCase } from "./list-cases.js";
import type { ShownCase } from "./show-dataset.js";

interface DrawnDataset {
  readonly name: string;
  readonly dataset: DatasetJson;
  readonly cases: readonly DatasetCase[];
  readonly reader: ImageReaderName;
  readonly rows: readonly ShownCase[];
}

/**
 * Writes a picture of each case, and `index.html` with pictures, sizes, intensities, labels and outliers.
 *
 * @returns the path of the page
 */
export async function drawDataset(
  { name, dataset, cases, reader, rows }: DrawnDataset,
  folder: string,
  session: WorkSession,
): Promise<string> {
  await makeFolder(folder);
  const tasks = cases.flatMap(({ id, images: [imageFile], label }) =>
    imageFile === undefined
      ? []
      : [{ imageFile, labelFile: label, reader, target: join(folder, `${id}.png`) }],
  );
  await forEachCase(`${name}: drawing`, "drawCase", tasks, session);
  const page = join(folder, "index.html");
  const labelNames = new Map(
    dataset.labels.flatMap(({ name: title, values }) =>
      values.length === 1 ? [[values[0]!, title] as const] : [],
    ),
  );
  const text = datasetPage({
    name,
    rows,
    labelNames,
    colourOf: labelColour,
    pictureOf: (id) => `${encodeURIComponent(id)}.png`,
  });
  await writeFileWhole(page, [Buffer.from(text)]);
  return page;
}
