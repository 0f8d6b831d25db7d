import { readFile, stat } from "node:fs/promises";
import { sharedError } from "../../../../processor/contract/shared-errors.js";
import { Field } from "../../../checkpoint/fields.js";
import { numpyGlobals } from "../../../checkpoint/pickle/numpy-globals.js";
import { pythonGlobals } from "../../../checkpoint/pickle/python-globals.js";
import { readPickle } from "../../../checkpoint/pickle/read-pickle.js";

/** The plans hold facts of every case. */
const maxBytes = 2 ** 30;

/**
 * Reads the foreground labels from a v1 model's plans.pkl.
 *
 * @throws MODEL_NOT_FOUND if there is none; MODEL_FILE_INVALID, CHECKPOINT_UNSAFE
 */
export async function readTaskClasses(file: string): Promise<readonly number[]> {
  const found = await stat(file).catch(() => null);
  if (found?.isFile() !== true || found.size > maxBytes)
    throw sharedError("MODEL_NOT_FOUND", `${file} does not exist, or is not a file of nnU-Net`);
  const globals = new Map([...pythonGlobals, ...numpyGlobals]);
  const plans = new Field(readPickle(await readFile(file), { source: file, globals }).value, file);
  return plans.get("all_classes").integers();
}
