import type { Options } from "yargs";
import { type ServeFlag, serveFlags } from "../../../processor/runtime/service/start/serve-flags.js";
import type { FlagValues } from "../../../processor/runtime/service/start/serve-settings.js";

const optionOf = ({ form, about, variables, default: usual, placeholder }: ServeFlag): Options => {
  const more = [usual === null ? [] : `default ${usual}`, variables.map((name) => `or $${name}`)].flat();
  const describe = `${placeholder === "" ? "" : `${placeholder}: `}${about}${more.length === 0 ? "" : ` (${more.join("; ")})`}`;
  if (form === "switch") return { type: "boolean", describe };
  return form === "list" ? { type: "string", array: true, describe } : { type: "string", describe };
};

const negation = "no-";

/** yargs reads `--no-auth` as the opposite of `--auth`, which is no option of its own. */
const negated = serveFlags.map(({ name }) => name).filter((name) => name.startsWith(negation));

/** The options of `serve`, which an image has, too. Their values are read by `serveSettings`. */
export const serviceOptions: Readonly<Record<string, Options>> = Object.fromEntries([
  ...serveFlags.map((flag) => [flag.name, optionOf(flag)] as const),
  ...negated.map((name) => [name.slice(negation.length), { type: "boolean", hidden: true }] as const),
]);

/** Returns the values of flags as they are written. */
export const serviceFlagValues = (args: FlagValues): FlagValues => ({
  ...args,
  ...Object.fromEntries(
    negated
      .filter((name) => args[name.slice(negation.length)] === false)
      .map((name) => [name, true] as const),
  ),
});
