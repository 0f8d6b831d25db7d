import { join } from "node:path";
import type { JsonObject, JsonValue } from "../../checkpoint/parse-json.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { readJsonObject } from "../files/read-json.js";

export const fingerprintFile = "dataset_fingerprint.json";

/** dataset_fingerprint.json, as nnU-Net v2 writes and reads it. */
export interface Fingerprint {
  /** In mm (z, y, x), one row for each case. */
  readonly spacings: readonly (readonly number[])[];
  /** In voxels (z, y, x). */
  readonly shapesAfterCrop: readonly (readonly number[])[];
  readonly medianRelativeSize: number;
  /** The intensity statistics by channel number, as in the file. */
  readonly intensities: JsonObject;
}

/**
 * Reads the fingerprint of a data set.
 *
 * @throws FINGERPRINT_MISSING, DATASET_INVALID
 */
export async function readFingerprint(preprocessedFolder: string): Promise<Fingerprint> {
  const path = join(preprocessedFolder, fingerprintFile);
  const raw = await readJsonObject(path);
  if (raw === null) throw nnunetError("FINGERPRINT_MISSING", `${path} does not exist`);
  const spacings = tableOf(raw.get("spacings"));
  const shapesAfterCrop = tableOf(raw.get("shapes_after_crop"));
  const medianRelativeSize = raw.get("median_relative_size_after_cropping");
  const intensities = raw.get("foreground_intensity_properties_per_channel");
  if (spacings === null || shapesAfterCrop?.length !== spacings.length || spacings.length === 0)
    throw nnunetError(
      "DATASET_INVALID",
      `${path}: spacings and shapes_after_crop should have three positive numbers for each case`,
    );
  if (typeof medianRelativeSize !== "number" || !(intensities instanceof Map))
    throw nnunetError(
      "DATASET_INVALID",
      `${path} lacks median_relative_size_after_cropping or foreground_intensity_properties_per_channel`,
    );
  return { spacings, shapesAfterCrop, medianRelativeSize, intensities: intensities as JsonObject };
}

function tableOf(value: JsonValue | undefined): readonly (readonly number[])[] | null {
  if (!Array.isArray(value)) return null;
  const rows = value as readonly JsonValue[];
  const isRow = (row: JsonValue): row is readonly number[] =>
    Array.isArray(row) &&
    row.length === 3 &&
    row.every((item) => typeof item === "number" && item > 0 && Number.isFinite(item));
  return rows.every(isRow) ? rows : null;
}
