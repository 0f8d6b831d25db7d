import { dirname, join } from "node:path";
import type { CaseReport } from "../case.js";
import { ProcessorError } from "../errors.js";
import { writeFileWhole } from "../image-io/write-file.js";
import { makeFolder } from "../make-folder.js";
import type { JsonOutput } from "../model/target-file.js";

type LabelCounts = NonNullable<CaseReport["labels"]>;

/**
 * Writes one JSON file about a segmentation: millilitres or voxels of every label by name, or the number of one label.
 *
 * @throws CONFIG_INVALID when the model has no such label; DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeJsonOutput(
  output: JsonOutput,
  labels: LabelCounts,
  outputDir: string,
): Promise<void> {
  const path = join(outputDir, output.relativePath);
  await makeFolder(dirname(path));
  await writeFileWhole(path, [Buffer.from(`${JSON.stringify(jsonValue(output, labels), null, 2)}\n`)]);
}

/** What the file holds: never NaN or infinite, which the platform refuses. */
function jsonValue(
  { content, label, relativePath }: JsonOutput,
  labels: LabelCounts,
): number | Readonly<Record<string, number>> {
  const amount = ({ voxels, millilitres }: LabelCounts[number]): number =>
    content === "volumes_ml" ? millilitres : voxels;
  if (label === null) return Object.fromEntries(labels.map((count) => [count.name, amount(count)]));
  const found = labels.find(({ name }) => name === label);
  if (found !== undefined) return amount(found);
  throw new ProcessorError(
    "CONFIG_INVALID",
    `${relativePath} is about the label ${label}; the model has ${labels.map(({ name }) => name).join(", ")}`,
  );
}
