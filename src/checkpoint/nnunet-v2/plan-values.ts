import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { Field } from "../fields.js";

/** Reads an argument that is false if it is absent. */
export const flag = (field: Field): boolean => (field.isNull ? false : field.boolean());

/** Returns the name of a class without its module, because modules were moved between releases. */
export const className = (field: Field): string => field.string().split(".").at(-1) as string;

export const unsupported = (field: Field) =>
  sharedError("PLANS_UNSUPPORTED", `${field.path} is ${field.text()}, which inference does not support`);
