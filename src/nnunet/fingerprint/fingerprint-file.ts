import { join } from "node:path";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { readPythonJsonObject } from "../files/read-json.js";
import { PythonFloat, type PythonJson } from "../python-json.js";

export const fingerprintFile = "dataset_fingerprint.json";

/** dataset_fingerprint.json, as nnU-Net v2 writes and reads it. */
export interface Fingerprint {
  /** In mm (z, y, x), one row for each case. */
  readonly spacings: readonly (readonly number[])[];
  /** In voxels (z, y, x). */
  readonly shapesAfterCrop: readonly (readonly number[])[];
  readonly medianRelativeSize: number;
  /** The intensity statistics by channel number, as in the file. They are NaN without any foreground. */
  readonly intensities: PythonJson;
}

/**
 * Reads the fingerprint of a data set.
 *
 * @throws FINGERPRINT_MISSING, DATASET_INVALID
 */
export async function readFingerprint(preprocessedFolder: string): Promise<Fingerprint> {
  const path = join(preprocessedFolder, fingerprintFile);
  const raw = await readPythonJsonObject(path);
  if (raw === null) throw nnunetError("FINGERPRINT_MISSING", `${path} does not exist`);
  const spacings = tableOf(raw.get("spacings"));
  const shapesAfterCrop = tableOf(raw.get("shapes_after_crop"));
  const medianRelativeSize = plain(raw.get("median_relative_size_after_cropping"));
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
  return { spacings, shapesAfterCrop, medianRelativeSize, intensities };
}

function tableOf(value: PythonJson | undefined): readonly (readonly number[])[] | null {
  if (!Array.isArray(value)) return null;
  const table = (value as readonly PythonJson[]).map(rowOf);
  return table.includes(null) ? null : (table as readonly (readonly number[])[]);
}

function rowOf(value: PythonJson): readonly number[] | null {
  if (!Array.isArray(value) || value.length !== 3) return null;
  const row = (value as readonly PythonJson[]).map(plain);
  const isSize = (item: unknown) => typeof item === "number" && item > 0 && Number.isFinite(item);
  return row.every(isSize) ? (row as readonly number[]) : null;
}

/** Returns the number, whether Python has it as an int or as a float. */
const plain = (value: PythonJson | undefined): PythonJson | undefined =>
  value instanceof PythonFloat ? value.value : value;
