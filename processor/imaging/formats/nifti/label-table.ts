import type { LabelName } from "../../volume/label-map.js";

/** Colours that repeat, as TotalSegmentator gives them. */
const colours: readonly (readonly [red: number, green: number, blue: number])[] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 0],
  [255, 0, 255],
  [0, 255, 255],
  [255, 128, 0],
  [255, 0, 128],
  [128, 255, 128],
  [0, 128, 255],
  [128, 128, 128],
  [185, 170, 155],
];

const shareText = (part: number): string => (part % 255 === 0 ? (part / 255).toFixed(1) : String(part / 255));

/** The length and the code before an extension's content. */
const prefixBytes = 8;

/** Returns a NIfTI extension with the names of labels in Caret's XML, which viewers such as MITK read; empty for none. */
export function labelTable(names: readonly LabelName[]): Buffer {
  if (names.length === 0) return Buffer.alloc(0);
  const labels = names.map(({ name, value }) => {
    const [red, green, blue] = colours[value % colours.length]!.map(shareText);
    return `<Label Key="${value}" Red="${red}" Green="${green}" Blue="${blue}" Alpha="1"><![CDATA[${name.replaceAll("]]>", "")}]]></Label>`;
  });
  const xml = Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?><CaretExtension><VolumeInformation Index="0"><LabelTable>\n${labels.join("\n")}\n</LabelTable><StudyMetaDataLinkSet></StudyMetaDataLinkSet><VolumeType><![CDATA[Label]]></VolumeType></VolumeInformation></CaretExtension>`,
  );
  const length = Math.ceil((prefixBytes + xml.length) / 16) * 16;
  const extension = Buffer.alloc(length, " ");
  extension.writeInt32LE(length, 0);
  extension.writeInt32LE(0, 4);
  xml.copy(extension, prefixBytes);
  return extension;
}
