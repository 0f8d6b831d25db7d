import { stringOf } from "../../../../imaging/dicom/element-values.js";
import { dicomError } from "../../../../imaging/dicom/errors.js";
import { type DicomFile, readDicomFile } from "../../../../imaging/dicom/read-dicom-file.js";
import { MalformedDataSet } from "../../../../imaging/dicom/scan-elements.js";
import { tags } from "../../../../imaging/dicom/tags.js";
import { checkSequences, type DicomJson, dicomJson } from "../json/dicom-json.js";
import { queryTags } from "../json/query-levels.js";

/** The UIDs that place an object among others. */
export interface InstanceUids {
  readonly study: string;
  readonly series: string;
  readonly instance: string;
}

/** What a stored object says about itself. */
export interface InstanceFacts {
  readonly uids: InstanceUids;
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
  /** The attributes that queries can ask for. */
  readonly attributes: DicomJson;
}

export const isUid = (text: string): boolean => /^[0-9][0-9.]{0,63}$/.test(text) && !text.includes("..");

/**
 * Reads a DICOM file, and checks that it is complete.
 *
 * @throws DICOM_BROKEN_FILE, DICOM_INVALID_UID, DICOM_TOO_LARGE, DICOM_TOO_DEEP
 */
export async function readInstance(path: string): Promise<InstanceFacts> {
  const file = await readDicomFile(path);
  if (file === null) throw dicomError("DICOM_BROKEN_FILE", "the object is not DICOM");
  try {
    checkSequences(file.dataSet);
    return factsOf(file);
  } catch (error) {
    if (!(error instanceof MalformedDataSet)) throw error;
    throw dicomError("DICOM_BROKEN_FILE", `the object can't be read: ${error.message}`, { cause: error });
  }
}

/** Attributes of queries are at most 64 characters long. Longer ones would fill the memory of the index. */
const longestValue = 1024;

function factsOf(file: DicomFile): InstanceFacts {
  return {
    uids: {
      study: uidOf(file, tags.StudyInstanceUID),
      series: uidOf(file, tags.SeriesInstanceUID),
      instance: uidOf(file, tags.SOPInstanceUID),
    },
    sopClassUid: uidOf(file, tags.SOPClassUID),
    transferSyntaxUid: file.syntax.uid,
    attributes: dicomJson(file.dataSet, { only: queryTags, longestValue }),
  };
}

/** @throws DICOM_INVALID_UID, because UIDs become names of files */
function uidOf({ dataSet }: DicomFile, tag: number): string {
  const uid = stringOf(dataSet, tag);
  if (uid !== null && isUid(uid)) return uid;
  throw dicomError("DICOM_INVALID_UID", "a UID of the object is missing, or is not one");
}
