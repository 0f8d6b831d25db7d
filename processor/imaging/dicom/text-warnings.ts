import type { DicomWarning } from "./dicom-series.js";
import { textOf } from "./element-text.js";
import type { DicomFile } from "./read-dicom-file.js";
import { tags } from "./tags.js";

/** Texts that results repeat: names and descriptions of patient and study. */
const copiedTexts = [tags.PatientName, 0x00100020, 0x00080090, 0x00081030, tags.SeriesDescription];

/** Returns a warning if a text that results repeat is not in the character set that the file names. */
export function undecodableText({ dataSet, name }: DicomFile): readonly DicomWarning[] {
  const isReplaced = copiedTexts.some((tag) => textOf(dataSet, tag)?.includes("\ufffd") === true);
  if (!isReplaced) return [];
  return [
    {
      code: "text-replaced",
      message: `${name}: a text is not in the file's character set; undecodable bytes become U+FFFD`,
    },
  ];
}
