import { dirname, join } from "node:path";
import { sharedError } from "../../contract/shared-errors.js";
import type { JsonOutput } from "../../contract/target.js";
import { makeFolder } from "../../files/make-folder.js";
import { writeFileWhole } from "../../files/write-file.js";
import type { LabelCount } from "../cases/case.js";

/**
 * Writes one JSON file about a segmentation: millilitres or voxels of every label by name, or the number of one label.
 *
 * @throws CONFIG_INVALID for a label that the model lacks, and for volumes of a flat image; DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeJsonOutput(
  output: JsonOutput,
  labels: readonly LabelCount[],
  outputDir: string,
): Promise<void> {
  const path = join(outputDir, output.relativePath);
  await makeFolder(dirname(path));
  await writeFileWhole(path, [Buffer.from(`${JSON.stringify(jsonValue(output, labels), null, 2)}\n`)]);
}

/** Returns the contents of the file, which never contain NaN or infinity, because the platform refuses them. */
function jsonValue(
  { content, label, relativePath }: JsonOutput,
  labels: readonly LabelCount[],
): number | Readonly<Record<string, number>> {
  const amount = (count: LabelCount): number => {
    if (content === "voxel_counts") return count.voxels;
    if ("millilitres" in count) return count.millilitres;
    throw sharedError(
      "CONFIG_INVALID",
      `${relativePath} should hold volumes (volumes_ml), but a flat image has none, because its slice has no thickness; build the image with voxel_counts instead`,
    );
  };
  if (label === null) return Object.fromEntries(labels.map((count) => [count.name, amount(count)]));
  const found = labels.find(({ name }) => name === label);
  if (found !== undefined) return amount(found);
  throw sharedError(
    "CONFIG_INVALID",
    `${relativePath} is about the label ${label}, but the model has only ${labels.map(({ name }) => name).join(", ")}`,
  );
}
