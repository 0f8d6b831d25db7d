import { parseArgs } from "node:util";
import { nearest } from "../../contract/nearest-name.js";
import { places } from "../../contract/places.js";
import {
  flagNames,
  type NamedSetting,
  type SettingChoices,
  settingChoices,
  settingsOn,
  wordsOf,
} from "../../contract/setting-choices.js";
import { sharedError } from "../../contract/shared-errors.js";
import type { ApiMethod } from "../../contract/target.js";

/** The arguments of the program in an image. */
export interface FolderArguments {
  /** Null if none was given; then the model is at its place in the image. */
  readonly modelDir: string | null;
  readonly targetFile: string;
  /** Null to use the target's own method. */
  readonly apiMethod: ApiMethod | null;
  /** The port that `invoke` listens on. */
  readonly port: number;
  readonly folds: readonly string[] | null;
  /** A file that describes the segments of DICOM results instead of the manifest; null for none. */
  readonly dicomMetadata: string | null;
  readonly wantsHelp: boolean;
  readonly wantsVersion: boolean;
  /** Overrides the manifest's settings. */
  readonly settings: SettingChoices;
}

/** The port of grand-challenge. */
const defaultPort = 4743;

/** The flags that are settings, in the order of their table. */
const settings = settingsOn("image");

const helpIndent = " ".repeat(31);
const helpWidth = 100;

/** Returns the lines of one flag: its names, then what it does, wrapped beside or below them. */
function helpLines(flags: string, about: string): string {
  const lines: string[] = [];
  let line = `  ${flags} `.padEnd(helpIndent.length);
  if (line.length > helpIndent.length) {
    lines.push(line.trimEnd());
    line = helpIndent;
  }
  for (const word of about.split(" ")) {
    if (line.length + word.length > helpWidth) {
      lines.push(line.trimEnd());
      line = helpIndent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()].join("\n");
}

function settingHelp({ flag, row }: NamedSetting): string {
  const { value, shortFlag, offFlag, about } = row;
  const short = shortFlag === null ? "" : `-${shortFlag}, `;
  const names =
    value.form === "switch" ? `--${flag}, --no-${flag}` : `${short}--${flag} ${value.placeholder}`;
  return helpLines(names, offFlag === null ? about : `${about}; --${offFlag} is --no-${flag}`);
}

export const folderHelp = `Usage: [exec | invoke] [options]

Segments every image in /input and writes the segmentations below /output.
\`batch run --manifest FILE\` segments the cases of a manifest, together with other containers: \`batch --help\`.
An image for grand-challenge segments the case in its sockets: \`exec\` once, \`invoke\` for each POST /invoke.

Options (defaults are those of the config.json that the image was built with):
${settings.map(settingHelp).join("\n")}
  --folds 0,1                  folds to average
  --dicom-metadata FILE        describes the segments of DICOM results: a dcmqi template, or names
  --model-dir DIR              converted model (default ${places.image.model}, or $NNUNET_MODEL_DIR)
  --port N                     port that \`invoke\` listens on (default ${defaultPort})
  --target-file FILE           platform that the image was built for (default ${places.image.target})
  --version, --help
`;

/**
 * Parses the command line of an image.
 *
 * @throws USAGE for an unknown option or a value out of range
 */
export function parseFolderArguments(
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
): FolderArguments {
  const { values, positionals } = parse(argv);
  return {
    modelDir: values["model-dir"] ?? environment["NNUNET_MODEL_DIR"] ?? null,
    targetFile: values["target-file"] ?? places.image.target,
    apiMethod: apiMethod(positionals),
    port: port(values.port ?? String(defaultPort)),
    folds: values.folds === undefined ? null : wordsOf(values.folds),
    dicomMetadata: values["dicom-metadata"] ?? null,
    wantsHelp: values.help === true,
    wantsVersion: values.version === true,
    settings: settingChoices(values, "image", flagNames),
  };
}

interface FlagRule {
  readonly type: "string" | "boolean";
  readonly multiple?: boolean;
  readonly short?: string;
}

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const ownOptions = {
  folds: { ...text, multiple: true },
  "dicom-metadata": text,
  "model-dir": text,
  version: flag,
  help: flag,
  port: text,
  "target-file": text,
};

const settingOptions: Readonly<Record<string, FlagRule>> = Object.fromEntries(
  settings.flatMap(({ flag: name, row: { value, shortFlag, offFlag } }) => [
    [
      name,
      {
        type: value.form === "switch" ? "boolean" : "string",
        multiple: value.form === "list",
        ...(shortFlag === null ? {} : { short: shortFlag }),
      },
    ],
    ...(offFlag === null ? [] : [[offFlag, flag]]),
  ]),
);

const options = { ...settingOptions, ...ownOptions };

/** Every flag of the program in an image, with its dashes. */
export const imageFlags: ReadonlySet<string> = new Set(
  Object.entries<FlagRule>(options).flatMap(([name, { type, short }]) => [
    `--${name}`,
    ...(type === "boolean" ? [`--no-${name}`] : []),
    ...(short === undefined ? [] : [`-${short}`]),
  ]),
);

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowNegative: true, allowPositionals: true, options });
  } catch (cause) {
    throw sharedError("USAGE", unknownOption(cause as Error) ?? (cause as Error).message, { cause });
  }
}

/** Returns a message for an unknown option, because Node's own message continues with positional arguments. */
function unknownOption({ message }: Error): string | null {
  const dashed = /^Unknown option '([^']+)'/.exec(message)?.[1];
  if (dashed === undefined) return null;
  const near = nearest(dashed.replace(/^-+/, ""), Object.keys(options));
  return `no option ${dashed}${near === null ? "" : `; did you mean --${near}?`}`;
}

function apiMethod(positionals: readonly string[]): ApiMethod | null {
  const [word, ...rest] = positionals;
  if (word === undefined) return null;
  if ((word === "exec" || word === "invoke") && rest.length === 0) return word;
  throw sharedError("USAGE", `unexpected ${positionals.join(" ")}; there are exec and invoke`);
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65535) return value;
  throw sharedError("USAGE", `--port must be 0 to 65535, but is ${text}`);
}
