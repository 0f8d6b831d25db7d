import { basename, dirname, join } from "node:path";
import { anything, positive, record, recordOf, threeOf } from "../../contract/json-check.js";
import { parseChecked, parseOrNull } from "../../contract/parse-checked.js";
import { sharedError } from "../../contract/shared-errors.js";
import { readTextFile, unreadable } from "../../files/read-text-file.js";
import { writeFileWhole } from "../../files/write-file.js";
import { imageError } from "../errors.js";
import type { Zyx } from "../volume/axes.js";
import { splitImageEnding } from "./image-ending.js";

const largestBytes = 64 * 1024;

/**
 * Reads the spacing in mm (z, y, x) from the `<case>.json` next to an image `<case>_0000.tif`, as nnU-Net's Tiff3DIO
 * does. For a file without a channel number, the `.json` has the same name as the file.
 *
 * @returns null if there is no such file
 * @throws IMAGE_INVALID if the file does not hold three lengths
 */
export async function readSpacingFile(imagePath: string): Promise<Zyx | null> {
  const path = spacingFileOf(imagePath.replace(/_\d{4}(\.[^.]+)$/, "$1"));
  const json = await readFileOrNull(path);
  if (json === null) return null;
  return parseChecked(json, spacingFile, (reason, cause) =>
    imageError("IMAGE_INVALID", `${path}, which gives the spacing in mm (z, y, x), ${reason}`, { cause }),
  ).spacing;
}

const spacingFile = record({ spacing: threeOf(positive) });

/**
 * Writes `{"spacing": [z, y, x]}` next to a segmentation, where Tiff3DIO looks for it.
 *
 * @throws OUTPUT_EXISTS if a file of that name holds something other than a spacing
 */
export async function writeSpacingFile(imagePath: string, spacingMmZyx: Zyx): Promise<void> {
  const path = spacingFileOf(imagePath);
  const present = await readFileOrNull(path).catch(() => "");
  const isSpacing =
    present === null || Object.keys(parseOrNull(present, recordOf(anything)) ?? {}).join() === "spacing";
  if (!isSpacing) {
    throw sharedError(
      "OUTPUT_EXISTS",
      `${path} is needed for the spacing of ${basename(imagePath)}, but holds something else`,
    );
  }
  await writeFileWhole(path, [Buffer.from(JSON.stringify({ spacing: spacingMmZyx }, null, 4))]);
}

function spacingFileOf(imagePath: string): string {
  const name = basename(imagePath);
  return join(dirname(imagePath), `${splitImageEnding(name)?.stem ?? name}.json`);
}

async function readFileOrNull(path: string): Promise<string | null> {
  return readTextFile(path, largestBytes).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return null;
    throw imageError("IMAGE_INVALID", `${path}: ${unreadable(cause)}`, { cause });
  });
}
