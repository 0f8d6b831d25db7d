import { parseArgs } from "node:util";
import { nearest } from "../../contract/nearest-name.js";
import { places } from "../../contract/places.js";
import type { Device, ImageSettings, Precision } from "../../contract/run-settings.js";
import { sharedError } from "../../contract/shared-errors.js";
import type { ApiMethod } from "../../contract/target.js";

/** The arguments of the program in an image, which override the manifest's settings. */
export interface FolderArguments {
  /** Null if none was given; then the model is at its place in the image. */
  readonly modelDir: string | null;
  readonly targetFile: string;
  /** Null to use the target's own method. */
  readonly apiMethod: ApiMethod | null;
  /** The port that `invoke` listens on. */
  readonly port: number;
  readonly folds: readonly string[] | null;
  readonly wantsHelp: boolean;
  readonly wantsVersion: boolean;
  applyTo(settings: ImageSettings): ImageSettings;
}

/** The port of grand-challenge. */
const defaultPort = 4743;

export const folderHelp = `Usage: [exec | invoke] [options]

Segments every image in /input and writes the segmentations below /output.
An image for grand-challenge segments the case in its sockets: \`exec\` once, \`invoke\` for each POST /invoke.

Options (defaults are those of the config.json that the image was built with):
  -i, --inputdir DIR           folder with the images
  -o, --outputdir DIR          folder for the results
  --overlay-destination NAME   folder below outputdir for the segmentations
  --allowed-extensions A,B     without leading dot: mha,nii.gz
  --output-extension EXT       mha, nii.gz, nii, nrrd, gipl, png, …
  --folds 0,1                  folds to average
  --use-tta, --no-use-tta      test-time augmentation by mirroring; --disable-tta is --no-use-tta
  --step-size X                overlap of windows: 0.5 is half a patch, 1 none
  --device cpu|cuda|auto
  --precision float16|float32|auto
  --save-probabilities         <case>.npz and .pkl beside each segmentation
  --write-json, --no-write-json
  --overwrite-output, --no-overwrite-output
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
  const wanted = {
    stepSize: values["step-size"] === undefined ? null : stepSize(values["step-size"]),
    device: values.device === undefined ? null : device(values.device),
    precision: values.precision === undefined ? null : precision(values.precision),
  };
  const list = (text: string): readonly string[] =>
    text
      .split(",")
      .map((word) => word.trim())
      .filter((word) => word !== "");
  return {
    modelDir: values["model-dir"] ?? environment["NNUNET_MODEL_DIR"] ?? null,
    targetFile: values["target-file"] ?? places.image.target,
    apiMethod: apiMethod(positionals),
    port: port(values.port ?? String(defaultPort)),
    folds: values.folds === undefined ? null : list(values.folds),
    wantsHelp: values.help === true,
    wantsVersion: values.version === true,
    applyTo: (settings) => ({
      ...settings,
      inputDir: values.inputdir ?? settings.inputDir,
      outputDir: values.outputdir ?? settings.outputDir,
      overlayDestination: values["overlay-destination"] ?? settings.overlayDestination,
      allowedExtensions:
        values["allowed-extensions"] === undefined
          ? settings.allowedExtensions
          : list(values["allowed-extensions"]),
      outputExtension: values["output-extension"] ?? settings.outputExtension,
      useTestTimeAugmentation: useTta(values) ?? settings.useTestTimeAugmentation,
      stepSize: wanted.stepSize ?? settings.stepSize,
      device: wanted.device ?? settings.device,
      precision: wanted.precision ?? settings.precision,
      saveProbabilities: values["save-probabilities"] ?? settings.saveProbabilities,
      writeJson: values["write-json"] ?? settings.writeJson,
      overwriteOutput: values["overwrite-output"] ?? settings.overwriteOutput,
    }),
  };
}

/**
 * Returns the value of test-time augmentation, which has two flags.
 *
 * @throws USAGE if they contradict each other
 */
function useTta(values: {
  readonly "use-tta"?: boolean | undefined;
  readonly "disable-tta"?: boolean | undefined;
}): boolean | undefined {
  const { "use-tta": isUsed, "disable-tta": isDisabled } = values;
  if (isUsed !== undefined && isDisabled === isUsed)
    throw sharedError("USAGE", "--use-tta and --disable-tta cannot be used together");
  return isDisabled === undefined ? isUsed : !isDisabled;
}

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const options = {
  inputdir: { ...text, short: "i" },
  outputdir: { ...text, short: "o" },
  "overlay-destination": text,
  "allowed-extensions": text,
  "output-extension": text,
  folds: text,
  "use-tta": flag,
  "disable-tta": flag,
  "step-size": text,
  device: text,
  precision: text,
  "save-probabilities": flag,
  "write-json": flag,
  "overwrite-output": flag,
  "model-dir": text,
  version: flag,
  help: flag,
  port: text,
  "target-file": text,
};

/** Every flag of the program in an image, with its dashes. */
export const imageFlags: ReadonlySet<string> = new Set(
  Object.entries(options).flatMap(([name, option]) => [
    `--${name}`,
    ...(option.type === "boolean" ? [`--no-${name}`] : []),
    ...("short" in option ? [`-${option.short}`] : []),
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

function stepSize(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 1) return value;
  throw sharedError("USAGE", `--step-size must be greater than 0 and at most 1, but is ${text}`);
}

function precision(text: string): Precision {
  if (text === "auto" || text === "float16" || text === "float32") return text;
  throw sharedError("USAGE", `--precision must be float16, float32 or auto, but is ${text}`);
}

function device(text: string): Device {
  if (text === "cpu" || text === "cuda" || text === "auto") return text;
  throw sharedError("USAGE", `--device must be cpu, cuda or auto, but is ${text}`);
}
