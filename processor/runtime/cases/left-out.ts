import { basename } from "node:path";
import { counted } from "../../contract/counted.js";

/** The reason why a file in an input folder is not a case. These words stay the same from version to version. */
export type LeftOutReason =
  | "DICOM"
  | "folder"
  | "hidden"
  | "not a channel of the model"
  | "not a regular file"
  | "not an allowed extension"
  | "not an image"
  | "picture beside volumes";

export interface LeftOutFile {
  readonly path: string;
  readonly reason: LeftOutReason;
}

/** The text for each reason, given the number of files. */
const sentences: Readonly<Record<LeftOutReason, (count: number) => string>> = {
  DICOM: (count) =>
    `${counted(count, "DICOM file")} next to images, which the model takes; put DICOM files into a folder of their own`,
  folder: (count) => `${counted(count, "folder")}; only files directly in the input folder are segmented`,
  hidden: (count) => counted(count, "hidden file"),
  "not a channel of the model": (count) =>
    `${counted(count, "image")} not named as a channel of a case (<case>_0000, <case>_0001, …)`,
  "not a regular file": (count) =>
    counted(count, "entry that is not a regular file", "entries that are not regular files"),
  "not an allowed extension": (count) => `${counted(count, "image")} without an allowed extension`,
  "not an image": (count) => counted(count, "file that is not an image", "files that are not images"),
  "picture beside volumes": (count) => `${counted(count, "picture")} next to volumes, which the model takes`,
};

/** The number of names in a line, so that even ten thousand files give a readable line. */
const namesShown = 5;

/**
 * Returns one line for each reason.
 *
 * @example leftOutLines([{ path: "in/a.dcm", reason: "DICOM" }]) // ["left out: 1 DICOM file next to images, which
 *   the model takes; put DICOM files into a folder of their own: a.dcm"]
 */
export function leftOutLines(leftOut: readonly LeftOutFile[]): readonly string[] {
  return leftOutKinds(leftOut).map((line) => `left out: ${line}`);
}

/**
 * Returns the same text as the end of an error message, on the same line, because platforms show only the last line. It
 * may be empty.
 */
export const foundInstead = (leftOut: readonly LeftOutFile[]): string =>
  leftOut.length === 0 ? "" : `; found ${leftOutKinds(leftOut).join("; ")}`;

function leftOutKinds(leftOut: readonly LeftOutFile[]): readonly string[] {
  const reasons = [...new Set(leftOut.map(({ reason }) => reason))];
  return reasons.map((reason) => {
    const names = leftOut.filter((file) => file.reason === reason).map(({ path }) => basename(path));
    const more = names.length > namesShown ? ` and ${names.length - namesShown} more` : "";
    return `${sentences[reason](names.length)}: ${names.slice(0, namesShown).join(", ")}${more}`;
  });
}
