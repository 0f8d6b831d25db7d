import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { ifPresent } from "../../../processor/files/exists.js";
import { readBytes, unreadable } from "../../../processor/files/read-text-file.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { withText } from "../../checkpoint/pickle/join-pickles.js";
import { numpyGlobals } from "../../checkpoint/pickle/numpy-globals.js";
import { pythonGlobals } from "../../checkpoint/pickle/python-globals.js";
import { readPickle } from "../../checkpoint/pickle/read-pickle.js";
import { builderError } from "../../ground/errors/builder-errors.js";

/** The plans in it hold facts of every case. */
const maxBytes = 2 ** 30;

/**
 * Writes another trainer's name into every `.model.pkl` of a v1 model, as `nnUNet_change_trainer_class` does. Prediction takes
 * the class by this name.
 *
 * @returns the changed files
 * @throws MODEL_NOT_FOUND if there is none; MODEL_FILE_INVALID, CHECKPOINT_UNSAFE
 */
export async function changeTrainer(modelFolder: string, trainer: string): Promise<readonly string[]> {
  const files = await recordsIn(modelFolder);
  if (files.length === 0)
    throw sharedError("MODEL_NOT_FOUND", `${modelFolder} has no fold_…/….model.pkl of nnU-Net v1`);
  const changed: { file: string; bytes: Uint8Array }[] = [];
  const globals = new Map([...pythonGlobals, ...numpyGlobals]);
  for (const file of files) {
    const bytes = await readBytes(file, maxBytes).catch((cause: unknown) => {
      throw builderError("MODEL_FILE_INVALID", `${file}: ${unreadable(cause)}`, { cause });
    });
    const { value } = readPickle(bytes, { source: file, globals });
    if (!(value instanceof Map) || !value.has("name"))
      throw sharedError("MODEL_NOT_FOUND", `${file} does not name a trainer`);
    changed.push({ file, bytes: withText({ source: file, bytes }, "name", trainer) });
  }
  for (const { file, bytes } of changed) await writeFileWhole(file, [bytes]);
  return files;
}

const listed = async (folder: string): Promise<string[]> => (await ifPresent(readdir(folder))) ?? [];

async function recordsIn(modelFolder: string): Promise<readonly string[]> {
  const folds = (await listed(modelFolder)).filter((name) => /^fold_|^all$/.test(name));
  const files: string[] = [];
  for (const fold of folds.sort())
    for (const name of (await listed(join(modelFolder, fold))).sort())
      if (name.endsWith(".model.pkl")) files.push(join(modelFolder, fold, name));
  return files;
}
