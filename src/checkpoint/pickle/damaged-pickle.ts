import { ProcessorError } from "../../../processor/contract/errors.js";
import { builderError } from "../../ground/errors/builder-errors.js";

/** @param what the fault; `locating` adds the position */
export const damagedPickle = (what: string): ProcessorError =>
  builderError("MODEL_FILE_INVALID", `damaged pickle: ${what}`);

/** Runs `action` and prefixes the messages of its errors with the place. */
export function locating<T>(place: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof ProcessorError) || error.message.startsWith(place)) throw error;
    throw error.reworded(`${place}: ${error.message}`);
  }
}
