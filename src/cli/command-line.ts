import { readFileSync } from "node:fs";
import { join } from "node:path";
import yargs, { type Argv } from "yargs";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { packageRoot } from "../ground/files/package-root.js";
import { serveCommand, serveFlags } from "../predict/nnunet-serve/options.js";
import type { CommandSession } from "./command-session.js";
import { completionScript } from "./completion-script.js";
import { type KnownOptions, ownFlags } from "./foreign-flags.js";
import { buildOptions, verifyOptions } from "./options/build-options.js";
import {
  baseImageOptions,
  doctorOptions,
  inferenceEnginesOptions,
  inspectOptions,
  modelsOptions,
  preflightOptions,
  simulateOptions,
} from "./options/image-options.js";
import { convertOptions, initOptions, predictOptions } from "./options/run-options.js";
import { withSettings } from "./options/setting-options.js";
import type { ParsedCommand } from "./parsed-command.js";
import { isServeCommand, serveCommandLine } from "./serve-command-line.js";
import { type UsageContext, usageError } from "./usage-error.js";

type Run = (args: never, session: CommandSession) => Promise<number>;

interface Command {
  readonly usage: string;
  readonly describe: string;
  readonly options: Readonly<Record<string, import("yargs").Options>>;
  readonly positional?: Readonly<Record<string, import("yargs").PositionalOptions>>;
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** Loaded only when the command runs, so that `--help` answers at once. */
  readonly load: () => Promise<Run>;
}

const image = {
  type: "string",
  describe: "image name, or an archive from `docker save` or --export (.tar, .tar.gz, .tar.xz)",
} as const;

export const commands: Readonly<Record<string, Command>> = {
  build: {
    usage: "$0",
    describe: "build a processor image from a trained model, with Docker or without",
    options: withSettings(buildOptions, "build"),
    examples: [
      [
        "$0 --model-dir results/Dataset004_Liver --tag team/liver:1 --export",
        "builds an image in Docker, and team-liver-1.tar.gz",
      ],
      ["$0 --config-file config.json --model-dir model/", "uses your own defaults"],
    ],
    load: async () => (await import("./commands/build.js")).runBuild,
  },
  predict: {
    usage: "predict",
    describe: "segment medical images with a model directly, without building an image",
    options: withSettings(predictOptions, "predict"),
    examples: [
      ["$0 predict --model-dir model/ -i images/ -o segmentations/", "segments every case in a folder"],
    ],
    load: async () => (await import("./commands/predict.js")).runPredict,
  },
  convert: {
    usage: "convert",
    describe: "convert a model's PyTorch checkpoints to ONNX, without building an image",
    options: convertOptions,
    examples: [["$0 convert --model-dir model/ --folds 0 1 -o converted/", "converts two of the folds"]],
    load: async () => (await import("./commands/convert.js")).runConvert,
  },
  init: {
    usage: "init",
    describe: "write a config.json that fits a model",
    options: initOptions,
    examples: [
      ["$0 init --model-dir model/", "writes config.json into the current folder"],
      ["$0 init --model-dir model/ --output-socket liver-segmentation", "writes one for grand-challenge"],
    ],
    load: async () => (await import("./commands/init.js")).runInit,
  },
  "base-image": {
    usage: "base-image",
    describe: "build the base image that all processor images share",
    options: baseImageOptions,
    examples: [["$0 base-image", "builds it under the name that later builds look for"]],
    load: async () => (await import("./commands/base-image.js")).runBaseImage,
  },
  models: {
    usage: "models [action] [name]",
    describe: "list the pretrained models, describe one, or download it",
    options: modelsOptions,
    positional: {
      action: { choices: ["list", "info", "download"], default: "list", describe: "what to do" },
      name: { type: "string", describe: "name of the model" },
    },
    examples: [["$0 models info Task003_Liver", "shows the model's channels, labels and licence"]],
    load: async () => (await import("./commands/models.js")).runModels,
  },
  "inference-engines": {
    usage: "inference-engines [action]",
    describe: "list what computes networks on this machine's CPU, or install OpenVINO, which is often faster",
    options: inferenceEnginesOptions,
    positional: { action: { choices: ["list", "install"], default: "list", describe: "what to do" } },
    examples: [["$0 inference-engines install", "downloads OpenVINO's libraries once, 59 MB, for predict"]],
    load: async () => (await import("./commands/inference-engines.js")).runInferenceEngines,
  },
  doctor: {
    usage: "doctor",
    describe: "check whether this machine can build and run images",
    options: doctorOptions,
    examples: [["$0 doctor --device cuda", "also checks the GPU, its driver and the container toolkit"]],
    load: async () => (await import("./commands/doctor.js")).runDoctor,
  },
  inspect: {
    usage: "inspect <model>",
    describe: "show what is in a model, archive, checkpoint, ONNX file or image",
    options: inspectOptions,
    positional: {
      model: {
        type: "string",
        describe:
          "anything that --model-dir accepts, a checkpoint, an .onnx file, an image name or an image archive",
      },
    },
    examples: [
      ["$0 inspect results/Dataset004_Liver", "shows every configuration in the folder"],
      ["$0 inspect team/liver:1 --json", "describes an image in Docker as JSON"],
    ],
    load: async () => (await import("./commands/inspect.js")).runInspect,
  },
  verify: {
    usage: "verify <image>",
    describe: "rebuild an image from the same inputs and compare the two layer by layer",
    options: withSettings(verifyOptions, "build"),
    positional: {
      image: { type: "string", describe: "archive, oci:FOLDER, or a name that Docker or a registry knows" },
    },
    examples: [
      ["$0 verify team-liver-1.tar.gz --model-dir model/", "exits with code 5 if something differs"],
    ],
    load: async () => (await import("./commands/verify.js")).runVerify,
  },
  preflight: {
    usage: "preflight <image>",
    describe: "check an image as the platform will after the upload",
    options: preflightOptions,
    positional: { image },
    examples: [["$0 preflight team-liver-1.tar.gz", "runs grand-challenge's checks in its order"]],
    load: async () => (await import("./commands/preflight.js")).runPreflight,
  },
  simulate: {
    usage: "simulate <image>",
    describe: "run an image as the platform will, and check its output (needs Docker)",
    options: simulateOptions,
    positional: { image },
    examples: [
      ["$0 simulate team/liver:1 -i cases/ --expect right/", "runs it as grand-challenge does"],
      ["$0 simulate myteam-task1.tar.gz --target amos22 -i images/", "runs it as AMOS22 does"],
    ],
    load: async () => (await import("./commands/simulate.js")).runSimulate,
  },
};

const commandNames = [
  ...Object.keys(commands).filter((name) => name !== "build"),
  ...[serveCommand, "help", "completion"],
];

/** @throws USAGE for an unknown command or flag, with the nearest name, or a missing or ill-typed value */
export async function parseCommandLine(words: readonly string[], columns = 100): Promise<ParsedCommand> {
  if (isCompletion(words)) return { kind: "text", text: ownCompletion() };
  if (isServeCommand(words)) return serveCommandLine(words);
  const argv = ownFlags(asFlag(words), knownOptions(namedCommand(words)));
  refuseSwitchValues(argv);
  let failure: Error | undefined;
  let text = "";
  const args = await createParser(columns).parseAsync([...argv], {}, (error, _args, output) => {
    failure = error ?? undefined;
    text = output;
  });
  if (failure !== undefined) {
    throw usageError(failure.message, usageContext(argv));
  }
  if (text !== "") return { kind: "text", text: `${text}\n` };
  const name = String(args._[0] ?? "build");
  const run = await commands[name]!.load();
  return { kind: "command", run: (session) => run(args as never, session) };
}

/** Returns whether the completion script is wanted. Users of other programs add the shell's name; both get the same script. */
const isCompletion = ([first, shell, ...others]: readonly string[]): boolean =>
  first === "completion" && others.length === 0 && [undefined, "bash", "zsh"].includes(shell);

/**
 * Turns `help predict` into `predict --help`.
 *
 * @throws USAGE for an unknown command
 */
function asFlag([first, ...others]: readonly string[]): readonly string[] {
  if (first === undefined) return [];
  if (first !== "help") return [first, ...others];
  const unknown = others.find(
    (word) => !word.startsWith("-") && word !== "build" && !commandNames.includes(word),
  );
  if (unknown !== undefined) throw usageError(`Unknown argument: ${unknown}`, usageContext(others));
  return [...others.filter((word) => word !== "build"), "--help"];
}

function usageContext(argv: readonly string[]): UsageContext {
  const { options, positional = {} } = commands[namedCommand(argv)]!;
  return {
    argv,
    commandNames,
    optionNames: Object.keys(options),
    positionals: Object.entries(positional).map(([name, { describe = "" }]) => [name, String(describe)]),
  };
}

/**
 * Refuses values of switches other than true and false, because yargs would read them as false.
 *
 * @throws USAGE for `--export=maybe`
 */
function refuseSwitchValues(argv: readonly string[]): void {
  const { options } = commands[namedCommand(argv)]!;
  for (const word of argv) {
    const [, name = "", value = ""] = /^--([a-z-]+)=([\s\S]*)$/.exec(word) ?? [];
    if (!Object.hasOwn(options, name) || options[name]?.type !== "boolean") continue;
    if (value !== "true" && value !== "false")
      throw sharedError("USAGE", `--${name} is on or off: write --${name} or --no-${name}, not ${word}`);
  }
}

function ownCompletion(): string {
  const hasFlags = (name: string) => Object.hasOwn(commands, name) || name === serveCommand;
  const named = commandNames.map((name) => [name, hasFlags(name) ? [...flagsOf(name)] : []]);
  return completionScript("build_processor", {
    ...Object.fromEntries(named),
    "": [...flagsOf("build")],
  });
}

function knownOptions(commandName: string): KnownOptions {
  const words = [...flagsOf(commandName)].map((flag) => flag.replace(/^-+/, ""));
  return {
    names: words.filter((word) => word.length > 1),
    letters: words.filter((word) => word.length === 1),
  };
}

/** Returns the command that a command line most likely means, even if it cannot be parsed. */
export const namedCommand = (argv: readonly string[]): string =>
  isServeCommand(argv)
    ? serveCommand
    : (argv.find((word) => Object.hasOwn(commands, word) && word !== "build") ?? "build");

/** Returns every flag that a command takes, with its dashes: `--output`, `-o`, `--no-attest`. */
export function flagsOf(commandName: string): ReadonlySet<string> {
  if (commandName === serveCommand) return serveFlags;
  const flags = Object.entries(commands[commandName]!.options).flatMap(([name, { alias = [], type }]) => [
    ...[name, ...[alias].flat()].map((word) => (word.length === 1 ? `-${word}` : `--${word}`)),
    ...(type === "boolean" ? [`--no-${name}`] : []),
  ]);
  return new Set([...flags, "--help", "-h", "--version", "-V"]);
}

function createParser(columns: number): Argv {
  let parser = yargs()
    .scriptName("build_processor")
    .parserConfiguration({ "strip-aliased": true, "duplicate-arguments-array": false })
    .wrap(columns)
    .strict()
    .help("help", "show this help")
    .alias("help", "h")
    .version("version", "print the version", programVersion())
    .alias("version", "V")
    .exitProcess(false)
    .epilogue(
      "Every error has a code, which docs/reference/errors.md explains. Exit codes: 2 usage, 3 model, 4 image, 5 machine, 6 some cases failed.",
    );
  for (const { usage, describe, options, positional, examples } of Object.values(commands)) {
    parser = parser.command(usage, describe, (command) => {
      for (const [name, option] of Object.entries(positional ?? {})) command.positional(name, option);
      for (const [line, meaning] of examples) command.example(line, meaning);
      return command.options(options as Record<string, import("yargs").Options>);
    });
  }
  // For the list of commands only: these are answered before yargs parses.
  return parser
    .command(serveCommand, "segment one case with the command line of nnunet_serve")
    .command("help [command]", "show the options of a command")
    .command("completion", "print a script that completes commands and flags in bash and zsh");
}

const programVersion = (): string =>
  (JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { readonly version: string })
    .version;
