import { ProcessorError } from "../../../processor/errors.js";

export const damagedPickle = (what: string): ProcessorError =>
  new ProcessorError("MODEL_FILE_INVALID", `damaged pickle: ${what}`);
