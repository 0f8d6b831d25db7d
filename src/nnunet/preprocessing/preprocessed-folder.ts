import { readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { copyFileWhole } from "../../../processor/files/copy-file.js";
import { exists } from "../../../processor/files/exists.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { removeFolder } from "../../../processor/files/remove-folder.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";

/** The files that the results of a case depend on. */
interface CaseFiles {
  readonly id: string;
  readonly images: readonly string[];
  readonly label: string | null;
}

/** A folder that is being filled with preprocessed cases, each with a `.pkl` as its last file. */
export interface BegunFolder {
  /** Returns whether a stopped run has finished the case. */
  readonly isFinished: (caseId: string) => Promise<boolean>;
  readonly end: () => Promise<void>;
}

/**
 * Begins to fill a folder. What a stopped run has left is kept if it worked on the same files in the same way; anything else in
 * the folder is removed, as nnU-Net does.
 *
 * @param settings what the results depend on besides the files
 */
export async function beginFolder(
  folder: string,
  { cases, settings }: { readonly cases: readonly CaseFiles[]; readonly settings: object },
): Promise<BegunFolder> {
  const state = join(dirname(folder), `.preprocessing_${basename(folder)}.json`);
  const key = JSON.stringify({ ...settings, cases: await caseKeys(cases) });
  const isContinued = (await readFile(state, "utf8").catch(() => null)) === key;
  if (!isContinued) await removeFolder(folder);
  await makeFolder(folder);
  await writeFileWhole(state, [Buffer.from(key)]);
  return {
    isFinished: async (caseId) => isContinued && (await exists(join(folder, `${caseId}.pkl`))),
    end: () => rm(state, { force: true }),
  };
}

const caseKeys = (cases: readonly CaseFiles[]) =>
  Promise.all(
    cases.map(async ({ id, images, label }) => [
      id,
      await Promise.all(
        [...images, ...(label === null ? [] : [label])].map(async (path) => {
          const found = await stat(path).catch(() => null);
          return [path, found?.size ?? null, found?.mtimeMs ?? null];
        }),
      ),
    ]),
  );

/**
 * Copies label files to `gt_segmentations` for evaluation; existing copies are replaced only by newer files, as nnU-Net does.
 *
 * @param names label files, each with the name that it gets
 */
export async function copyLabels(
  preprocessedFolder: string,
  names: Iterable<readonly [string, string]>,
): Promise<void> {
  const folder = join(preprocessedFolder, "gt_segmentations");
  await makeFolder(folder);
  const present = new Set(await readdir(folder));
  for (const [label, name] of names) {
    const target = join(folder, name);
    if (present.has(name) && (await stat(target)).mtimeMs >= (await stat(label)).mtimeMs) continue;
    await copyFileWhole(label, target);
  }
}
