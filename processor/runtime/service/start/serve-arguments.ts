import { parseArgs } from "node:util";
import { nearest } from "../../../contract/nearest-name.js";
import { serviceError } from "../errors.js";
import { type ServeFlag, serveFlags } from "./serve-flags.js";
import { type FlagValues, type ServeSettings, serveSettings } from "./serve-settings.js";

const optionOf = ({ form }: ServeFlag) => ({
  type: form === "switch" ? ("boolean" as const) : ("string" as const),
  multiple: form === "list",
});

const options = {
  ...Object.fromEntries(serveFlags.map((flag) => [flag.name, optionOf(flag)])),
  help: { type: "boolean" as const, multiple: false },
};

/**
 * Parses the words after `serve`.
 *
 * @returns null if help is wanted
 * @throws SERVICE_USAGE
 */
export function serveArguments(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ServeSettings | null {
  let values: FlagValues;
  try {
    ({ values } = parseArgs({ args: [...words], options }) as { values: FlagValues });
  } catch (cause) {
    const { message } = cause as Error;
    const dashed = /^Unknown option '--?([^']+)'/.exec(message)?.[1];
    const near = dashed === undefined ? null : nearest(dashed, Object.keys(options));
    const text =
      dashed === undefined
        ? message
        : `no option --${dashed}${near === null ? "" : `; did you mean --${near}?`}`;
    throw serviceError("SERVICE_USAGE", text, { cause });
  }
  return values["help"] === true ? null : serveSettings(values, environment);
}

const column = 34;

/** Returns the lines of help about the flags. */
export const flagLines = serveFlags
  .map(({ name, placeholder, about, default: usual, variables }) => {
    const left = `  --${name} ${placeholder}`.trimEnd();
    const more = [
      usual === null ? "" : `default ${usual}`,
      variables.length === 0 ? "" : `or $${variables.join(", $")}`,
    ];
    const extra = more.filter((text) => text !== "").join("; ");
    const text = extra === "" ? about : `${about} (${extra})`;
    return left.length < column - 1
      ? `${left.padEnd(column)}${text}`
      : `${left}\n${" ".repeat(column)}${text}`;
  })
  .join("\n");

export const serveHelp = `Usage: serve [options]

Serves the model over HTTP: scans in, segmentations out. GET / is a web page, GET /docs describes every route.

Options:
${flagLines}
`;
