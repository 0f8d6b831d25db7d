import { constants } from "node:fs";
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { whyUnreadable } from "../../../../processor/files/why-unreadable.js";
import { type DatasetFinding, steps, stops } from "./dataset-finding.js";

export const allowReading = "Give your account the right to list the folder and to read its files.";

/** Says that the data set's own folder cannot be looked into; null if it can. Nothing else can be checked then. */
export async function closedFolder(rawFolder: string): Promise<DatasetFinding | null> {
  const fault = await faultOf(rawFolder);
  if (fault === null) return null;
  return stops(steps.datasetJson, "folder-dataset", {
    text: `${rawFolder}${fault.why}`,
    remedy: fault.isClosed ? allowReading : "Name the folder that has dataset.json, imagesTr and labelsTr.",
  });
}

/** A folder of training files that cannot be used. */
export interface UnusableFolder {
  readonly name: "imagesTr" | "labelsTr";
  readonly finding: DatasetFinding;
}

/** Returns those of imagesTr and labelsTr that are missing, are no folders, or are closed to this account. */
export async function unusableFolders(rawFolder: string): Promise<readonly UnusableFolder[]> {
  const unusable: UnusableFolder[] = [];
  for (const [name, content] of [
    ["imagesTr", "images"],
    ["labelsTr", "labels"],
  ] as const) {
    const path = join(rawFolder, name);
    const fault = await faultOf(path);
    if (fault === null) continue;
    const finding = fault.isClosed
      ? stops(closedSteps[name], `folder-${name}`, {
          text: `${path}${fault.why}`,
          remedy: allowReading,
          exception: name === "labelsTr" ? "AssertionError" : fault.exception,
        })
      : stops(steps.folders, `folder-${name}`, {
          text: `${path} is not a folder`,
          remedy: `Put the training ${content} into ${name}, or list all files under \`dataset\` in dataset.json.`,
        });
    unusable.push({ name, finding });
  }
  return unusable;
}

/** nnU-Net lists the images, but looks for each label. */
const closedSteps = { imagesTr: steps.caseCount, labelsTr: steps.files } as const;

interface FolderFault {
  /** The end of a sentence that begins with the folder. */
  readonly why: string;
  readonly exception: string;
  readonly isClosed: boolean;
}

async function faultOf(folder: string): Promise<FolderFault | null> {
  try {
    await readdir(folder);
    // Without this right, the files have names, but nobody can look at them.
    await access(folder, constants.X_OK);
    return null;
  } catch (cause) {
    const { code = "", syscall } = cause as NodeJS.ErrnoException;
    const listing = code === "EACCES" ? "PermissionError" : "OSError";
    return {
      why: await whyUnreadable(folder, cause),
      exception: syscall === "access" ? "AssertionError" : listing,
      isClosed: code !== "ENOENT" && code !== "ENOTDIR",
    };
  }
}
