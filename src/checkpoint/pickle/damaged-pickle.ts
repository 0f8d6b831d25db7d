import { ProcessorError } from "../../../processor/contract/errors.js";
import { builderError } from "../../errors/builder-errors.js";

/** @param what says what is wrong; `locating` adds the place */
export const damagedPickle = (what: string): ProcessorError =>
  builderError("MODEL_FILE_INVALID", `damaged pickle: ${what}`);

/** Runs `action` and puts the place before the message of its errors. */
export function locating<T>(place: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof ProcessorError) || error.message.startsWith(place)) throw error;
    throw error.reworded(`${place}: ${error.message}`);
  }
}
