import { listOf, orAbsent, record, text } from "../../../processor/contract/json-check.js";
import { shapeOf } from "../../untrusted/checked-json.js";

/** A token server's answer, which has the token under one of two names. */
export const tokenAnswerShape = shapeOf<{ readonly token?: string; readonly access_token?: string }>(
  record({ token: orAbsent(text), access_token: orAbsent(text) }),
);

/** The errors of a registry, in the format of the OCI distribution specification. */
export const registryErrorsShape = shapeOf<{
  readonly errors: readonly { readonly code?: string; readonly message?: string }[];
}>(record({ errors: listOf(record({ code: orAbsent(text), message: orAbsent(text) })) }));
