import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import type { FastifySchemaCompiler } from "fastify";
import type { FaultDetail } from "../error-body.js";
import { RequestFaults } from "../error-body.js";

const bodyValidator = new Ajv2020({ allErrors: true, strict: false });
/** Parameters of an address are text, which is turned into numbers where the schema wants them. */
const textValidator = new Ajv2020({ allErrors: true, strict: false, coerceTypes: true });

/** Makes the check of a part of a request from its schema. It reports all faults. */
export const validatorCompiler: FastifySchemaCompiler<object> = ({ schema, httpPart, contentType }) => {
  // A form or file has not arrived yet; its route checks it.
  if (contentType !== undefined && contentType !== "application/json") return (value: unknown) => ({ value });
  const validate = (httpPart === "body" ? bodyValidator : textValidator).compile(schema);
  return (value: unknown) => {
    if (validate(value)) return { value };
    return { error: new RequestFaults(faultsOf(validate.errors ?? [], httpPart ?? "body")) };
  };
};

/** Returns the faults of a value, whose places begin in it. */
export function faultsOfValue(schema: object, value: unknown): readonly FaultDetail[] {
  const validate = bodyValidator.compile(schema);
  if (validate(value)) return [];
  return faultsOf(validate.errors ?? [], "").map((fault) => ({ ...fault, loc: fault.loc.slice(1) }));
}

/** Checks a value that did not come as a body, such as the field of a form. */
export function requireFit(schema: object, value: unknown, place: string): void {
  const validate = bodyValidator.compile(schema);
  if (!validate(value)) throw new RequestFaults(faultsOf(validate.errors ?? [], place));
}

const mostErrors = 1000;

/** Returns one fault for each place, because each form that a value may have reports faults of its own. */
function faultsOf(errors: readonly ErrorObject[], part: string): readonly FaultDetail[] {
  const faults = new Map<string, FaultDetail & { readonly messages: Set<string> }>();
  // Nobody corrects more at once, and the answer must not be many times as long as the request.
  for (const { instancePath, keyword, message = "does not fit", params } of errors.slice(0, mostErrors)) {
    if (keyword === "anyOf") continue;
    const key = params["additionalProperty"] ?? params["missingProperty"];
    const names = instancePath
      .split("/")
      .slice(1)
      .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
    const loc = [part, ...names, ...(key === undefined ? [] : [String(key)])];
    const text =
      keyword === "additionalProperties"
        ? "is not a known field"
        : keyword === "required"
          ? "is missing"
          : keyword === "enum"
            ? `${message}: ${(params["allowedValues"] as readonly unknown[]).join(", ")}`
            : message;
    const id = loc.join("/");
    const known = faults.get(id) ?? { loc, msg: "", type: keyword, messages: new Set<string>() };
    known.messages.add(text);
    faults.set(id, known);
  }
  return [...faults.values()].map(({ loc, type, messages }) => ({
    loc,
    msg: [...messages].join(" or "),
    type,
  }));
}
