import { listOf, orAbsent, record, text } from "../../../processor/contract/json-check.js";

/** A token server's answer, which has the token under one of two names. */
export const tokenAnswerShape = record({ token: orAbsent(text), access_token: orAbsent(text) });

/** The errors of a registry, in the form of the OCI distribution specification. */
export const registryErrorsShape = record({
  errors: listOf(record({ code: orAbsent(text), message: orAbsent(text) })),
});
