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

/** Returns those of imagesTr and labelsTr that are missing, not folders, or closed to this account. */
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
      ? stops(fault.isListed ? readingSteps[name] : listingSteps[name], `folder-${name}`, {
          text: `${path}${fault.why}`,
          remedy: allowReading,
          exception: fault.exception,
        })
      : stops(steps.folders, `folder-${name}`, {
          text: `${path} is not a folder`,
          remedy: `Put the training ${content} into ${name}, or list all files under \`dataset\` in dataset.json.`,
        });
    unusable.push({ name, finding });
  }
  return unusable;
}

/** The steps in which nnU-Net lists a folder, and reads the first file of it. */
const listingSteps = { imagesTr: steps.caseCount, labelsTr: steps.files } as const;
const readingSteps = { imagesTr: steps.reader, labelsTr: steps.labelValues } as const;

interface FolderFault {
  /** The end of a sentence that begins with the folder. */
  readonly why: string;
  readonly exception: string;
  readonly isClosed: boolean;
  /** True if its files have names, but this account may not look at them. */
  readonly isListed: boolean;
}

async function faultOf(folder: string): Promise<FolderFault | null> {
  try {
    await readdir(folder);
    await access(folder, constants.X_OK);
    return null;
  } catch (cause) {
    const { code = "", syscall } = cause as NodeJS.ErrnoException;
    const isListed = syscall === "access";
    const listing = code === "EACCES" ? "PermissionError" : "OSError";
    return {
      why: await whyUnreadable(folder, cause),
      exception: isListed ? "RuntimeError" : listing,
      isClosed: code !== "ENOENT" && code !== "ENOTDIR",
      isListed,
    };
  }
}
