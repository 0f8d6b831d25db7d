import type { Options } from "yargs";
import { type ServeFlag, serveFlags } from "../../../processor/runtime/service/start/serve-flags.js";

const optionOf = ({ form, about, variables, default: usual, placeholder }: ServeFlag): Options => {
  const more = [usual === null ? [] : `default ${usual}`, variables.map((name) => `or $${name}`)].flat();
  const describe = `${placeholder === "" ? "" : `${placeholder}: `}${about}${more.length === 0 ? "" : ` (${more.join("; ")})`}`;
  if (form === "switch") return { type: "boolean", describe };
  return form === "list" ? { type: "string", array: true, describe } : { type: "string", describe };
};

/** The options of `serve`, which an image has, too. Their values are read by `serveSettings`. */
export const serviceOptions: Readonly<Record<string, Options>> = Object.fromEntries(
  serveFlags.map((flag) => [flag.name, optionOf(flag)]),
);
