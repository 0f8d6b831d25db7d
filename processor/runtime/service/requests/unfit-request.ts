import type { ProcessorError } from "../../../contract/errors.js";
import { serviceError } from "../errors.js";

/** A request whose parts do not fit together, although each fits the schema. */
export const unfitRequest = (message: string): ProcessorError => serviceError("SERIES_INVALID", message);
