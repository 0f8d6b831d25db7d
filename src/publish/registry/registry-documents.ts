import { shapeOf } from "../../json/checked-json.js";

const text = { type: "string" } as const;

/** A token server's answer, which has the token under one name or the other. */
export const tokenAnswerShape = shapeOf<{ readonly token?: string; readonly access_token?: string }>({
  type: "object",
  properties: { token: text, access_token: text },
});

/** The errors of a registry, in the form of the OCI distribution specification. */
export const registryErrorsShape = shapeOf<{
  readonly errors: readonly { readonly code?: string; readonly message?: string }[];
}>({
  type: "object",
  required: ["errors"],
  properties: {
    errors: {
      type: "array",
      items: { type: "object", properties: { code: text, message: text } },
    },
  },
});
