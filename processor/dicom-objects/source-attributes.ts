import type { DataSet } from "../imaging/dicom/data-set.js";
import { decodeText } from "../imaging/dicom/decode-text.js";
import { type Attributes, elements, type Keyword } from "./elements.js";

/**
 * Returns the first values of an attribute of the source as one text; null if it is absent or empty. The text is
 * without padding, and in Unicode.
 */
export function sourceText(dataSet: DataSet, keyword: Keyword): string | null {
  const [tag, vr] = elements[keyword];
  const element = dataSet.element(tag);
  if (element === null) return null;
  const isText = textForms.has(vr);
  const text = decodeText(element.value, isText ? dataSet.characterSets : [], { isPersonName: vr === "PN" });
  const trimmed = text.replace(/[\0 ]+$/, "");
  if (trimmed === "") return null;
  // No text that results repeat may have control characters (PS3.5, 6.2).
  if (isText) return trimmed.replace(/\p{Cc}+/gu, " ");
  return withoutSeparators(vr, trimmed.trim());
}

/** Returns a date as YYYYMMDD and a time as HHMMSS, also one with the separators of ACR-NEMA, before DICOM (PS3.5, 6.2). */
function withoutSeparators(vr: string, text: string): string {
  if (vr === "DA" && /^\d{4}\.\d\d\.\d\d$/.test(text)) return text.replaceAll(".", "");
  if (vr === "TM" && /^\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?$/.test(text)) return text.replaceAll(":", "");
  return text;
}

/** The value representations that SpecificCharacterSet applies to (PS3.5, 6.1.2.2). */
const textForms = new Set(["LO", "LT", "PN", "SH", "ST", "UC", "UT"]);

/**
 * Returns the patient, the study and the frame of reference of a result, copied from the first image (PS3.3, C.7.1.1,
 * C.7.2.1, C.7.4.1). What must be there but is unknown is empty; nothing is invented.
 */
export function patientAndStudy(dataSet: DataSet): Attributes {
  const copied: Partial<Record<Keyword, string>> = {};
  for (const keyword of required) copied[keyword] = sourceText(dataSet, keyword) ?? "";
  for (const keyword of whenPresent) {
    const text = sourceText(dataSet, keyword);
    if (text !== null) copied[keyword] = text;
  }
  // One without the other would be an error (PS3.3, C.7.1.1).
  if (copied.DeidentificationMethod === undefined) delete copied.PatientIdentityRemoved;
  return copied;
}

const required = [
  "PatientName",
  "PatientID",
  "PatientBirthDate",
  "PatientSex",
  "StudyDate",
  "StudyTime",
  "AccessionNumber",
  "ReferringPhysicianName",
  "StudyID",
  "PositionReferenceIndicator",
] as const satisfies readonly Keyword[];

const whenPresent = [
  "TimezoneOffsetFromUTC",
  "StudyDescription",
  "PatientAge",
  "PatientSize",
  "PatientWeight",
  "PatientIdentityRemoved",
  "DeidentificationMethod",
] as const satisfies readonly Keyword[];

export interface Moment {
  /** YYYYMMDD. */
  readonly date: string;
  /** HHMMSS. */
  readonly time: string;
}

/**
 * Returns the time of the images, which is also the time of the results, so that the same images and model give the
 * same file.
 */
export function momentOf(dataSet: DataSet): Moment {
  for (const kind of ["Acquisition", "Content", "Series", "Study"] as const) {
    const date = sourceText(dataSet, `${kind}Date`);
    if (date === null || !/^\d{8}$/.test(date)) continue;
    const time = sourceText(dataSet, `${kind}Time`);
    return { date, time: time !== null && /^\d{6}(?:\.\d{1,6})?$/.test(time) ? time : "000000" };
  }
  return { date: "19700101", time: "000000" };
}
