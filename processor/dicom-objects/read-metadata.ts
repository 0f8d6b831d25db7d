import { basename } from "node:path";
import { anything, JsonMismatch, recordOf } from "../contract/json-check.js";
import { parseChecked } from "../contract/parse-checked.js";
import { readTextFile, unreadable } from "../files/read-text-file.js";
import { dicomObjectError } from "./errors.js";
import { refuseMisspelled } from "./metadata-checks.js";
import { inlineMetadata, metadataOfNames } from "./read-inline.js";
import { metadataOfTemplate, segmentationTemplate } from "./read-template.js";
import type { MetadataDefaults, ObjectMetadata } from "./segment-metadata.js";

/** The most bytes of a metadata file. */
const largestFile = 4 * 2 ** 20;

/** Only completes metadata that is checked before the model is known. */
const anyModel: MetadataDefaults = {
  equipment: { manufacturer: "", modelName: "", deviceSerialNumber: "", softwareVersions: "" },
  algorithmName: "",
};

/**
 * Reads a file of metadata: a dcmqi template, or names (an object with `segment_names`).
 *
 * @throws DICOM_METADATA_INVALID, DICOM_UNKNOWN_SEGMENT_NAME
 */
export async function readMetadataFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readTextFile(path, largestFile).catch((cause: unknown) => {
    throw dicomObjectError("DICOM_METADATA_INVALID", `${path}: ${unreadable(cause)}`, { cause });
  });
  const given = parseChecked(text.replace(/^\ufeff/, ""), recordOf(anything), (reason, cause) =>
    dicomObjectError(
      "DICOM_METADATA_INVALID",
      `${path} ${reason}${cause instanceof SyntaxError ? `: ${cause.message}` : ""}`,
    ),
  );
  completeMetadata(given, basename(path), anyModel);
  return given;
}

/**
 * Completes metadata that a user wrote.
 *
 * @param place where it is from, for messages
 * @throws DICOM_METADATA_INVALID, DICOM_UNKNOWN_SEGMENT_NAME
 */
export function completeMetadata(given: unknown, place: string, defaults: MetadataDefaults): ObjectMetadata {
  const hasNames = typeof given === "object" && given !== null && "segment_names" in given;
  const metadata = checked(place, () => {
    if (hasNames) return metadataOfNames(inlineMetadata.read(given, ""), defaults, place);
    refuseOtherObject(given);
    return metadataOfTemplate(segmentationTemplate.read(given, ""), defaults);
  });
  if (metadata.segments.length === 0)
    throw dicomObjectError("DICOM_METADATA_INVALID", `${place} describes no segment`);
  const labels = metadata.segments.map(({ label }) => label);
  const repeated = labels.find((label, i) => labels.indexOf(label) !== i);
  if (repeated !== undefined)
    throw dicomObjectError("DICOM_METADATA_INVALID", `${place} describes label ${repeated} twice`);
  return metadata;
}

/** @throws JsonMismatch */
function refuseOtherObject(given: unknown): void {
  if (typeof given !== "object" || given === null || "segmentAttributes" in given) return;
  refuseMisspelled(given, "", ["segmentAttributes", "segment_names"]);
  throw new JsonMismatch("it has neither segmentAttributes, as a template of dcmqi, nor segment_names");
}

function checked<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof JsonMismatch)) throw error;
    throw dicomObjectError("DICOM_METADATA_INVALID", `${place}: ${error.message}`);
  }
}
