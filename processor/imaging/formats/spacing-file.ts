import { basename, dirname, join } from "node:path";
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
  const json = await readJson(path);
  if (json === null) return null;
  const spacing = typeof json === "object" && json !== null && "spacing" in json ? json.spacing : undefined;
  if (Array.isArray(spacing) && spacing.length === 3 && spacing.every(isLength)) {
    return [spacing[0]!, spacing[1]!, spacing[2]!];
  }
  throw imageError(
    "IMAGE_INVALID",
    `${path}: "spacing" must be three lengths in mm (z, y, x), but is ${describe(spacing)}`,
  );
}

/** Describes a value in a few words, however long or nested it is. */
const describe = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value.slice(0, 8).map((part: unknown) => (typeof part === "number" ? part : typeof part))}]`
    : typeof value;

/**
 * Writes `{"spacing": [z, y, x]}` next to a segmentation, where Tiff3DIO looks for it.
 *
 * @throws OUTPUT_EXISTS if a file of that name holds something other than a spacing
 */
export async function writeSpacingFile(imagePath: string, spacingMmZyx: Zyx): Promise<void> {
  const path = spacingFileOf(imagePath);
  const present = await readJson(path).catch(() => undefined);
  const isSpacing =
    typeof present === "object" && (present === null || Object.keys(present).join() === "spacing");
  if (!isSpacing) {
    throw sharedError(
      "OUTPUT_EXISTS",
      `${path} is needed for the spacing of ${basename(imagePath)}, but holds something else`,
    );
  }
  await writeFileWhole(path, [Buffer.from(`${JSON.stringify({ spacing: spacingMmZyx }, null, 4)}\n`)]);
}

function spacingFileOf(imagePath: string): string {
  const name = basename(imagePath);
  return join(dirname(imagePath), `${splitImageEnding(name)?.stem ?? name}.json`);
}

async function readJson(path: string): Promise<unknown> {
  const text = await readTextFile(path, largestBytes).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return null;
    throw imageError("IMAGE_INVALID", `${path}: ${unreadable(cause)}`, { cause });
  });
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw imageError("IMAGE_INVALID", `${path} is not JSON`, { cause });
  }
}

const isLength = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value) && value > 0;
