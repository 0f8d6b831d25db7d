import type { InferredOptionTypes } from "yargs";
import { cleanLine } from "../../processor/contract/progress/log-lines.js";
import {
  flagNames,
  predictDefaults,
  settingChoices,
  settingsOn,
} from "../../processor/contract/setting-choices.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { workersOf } from "../../processor/runtime/batch/run-choices.js";
import { predictInDocker } from "../predict/in-docker/predict-in-docker.js";
import type { CommandSession } from "./command-session.js";
import { jsonText } from "./json-text.js";
import type { predictOptions } from "./options/run-options.js";
import { isOfJob, serveWordsOf } from "./options/serve-options.js";

type PredictArguments = InferredOptionTypes<typeof predictOptions>;

/** Options about models or code that an image has already. */
const ofTheImage = [
  ...(["task", "configuration", "onnx", "prev-stage-model", "prev-stage-predictions"] as const),
  "process-img-file",
] as const;

/** `build_processor predict --image`: segments images in an image, through Docker. */
export async function predictInImage(
  args: PredictArguments,
  image: string,
  session: CommandSession,
): Promise<number> {
  const { terminal, environment } = session;
  refuseOthers(args);
  const gpus = workersOf(args.gpus ?? null, 1, environment);
  if (gpus.length > 1)
    throw sharedError("USAGE", "--image segments one case after the other, so that --gpus takes one GPU");
  const settings = settingChoices(args, "predict", flagNames).applyTo(predictDefaults());
  const [modelDir = null, ...others] = args["model-dir"] ?? [];
  if (others.length > 0) throw sharedError("USAGE", "--image takes one --model-dir");
  const report = await predictInDocker(
    {
      image,
      modelDir,
      checkpointName: args.checkpoint ?? null,
      inputs: args.input,
      outputDir: args.output,
      device: settings.device,
      flags: imageFlagsOf(args, modelDir !== null),
      existing: args.overwrite ? "overwrite" : "error",
    },
    gpus[0] === null
      ? session
      : { ...session, environment: { ...environment, CUDA_VISIBLE_DEVICES: gpus[0] } },
  );
  const lines = report.files.map((path) => `  ${cleanLine(path)}\n`);
  terminal.out(args.json ? jsonText(report) : `${lines.join("")}done, in ${report.image}\n`);
  return 0;
}

/** @throws USAGE for an option that an image does not take */
function refuseOthers(args: PredictArguments): void {
  const given = ofTheImage.find((name) => args[name] !== undefined);
  if (given !== undefined)
    throw sharedError("USAGE", `--${given} has no effect with --image, which has its model and its hooks`);
  const ofPredict = [...serveWordsOf(args).keys()].find((name) => !isOfJob(name));
  if (ofPredict !== undefined)
    throw sharedError(
      "USAGE",
      `--${ofPredict} and --image cannot be used together; \`build_processor predict-nnunet-serve\` with -c can do both`,
    );
  if (args.continue) throw sharedError("USAGE", "--continue and --image cannot be used together");
  if (args.postprocessing !== "auto")
    throw sharedError(
      "USAGE",
      "--postprocessing and --image cannot be used together; build the image with it",
    );
  if (args.checkpoint !== undefined && args["model-dir"] === undefined)
    throw sharedError("USAGE", "--checkpoint needs --model-dir; an image that contains its model has one");
}

/** Returns the given settings as flags of the program in an image, which has other defaults: those it was built with. */
function imageFlagsOf(args: PredictArguments, isForAnyModel: boolean): readonly string[] {
  const given: Readonly<Record<string, unknown>> = { ...args };
  const inImage = new Set(settingsOn("image").map(({ flag }) => flag));
  const flags = settingsOn("predict").flatMap(({ flag, row: { offFlag } }) => {
    const value = offFlag !== null && given[offFlag] === true ? false : given[flag];
    if (value === undefined) return [];
    if (!inImage.has(flag)) throw sharedError("USAGE", `--${flag} and --image cannot be used together`);
    if (typeof value === "boolean") return [value ? `--${flag}` : `--no-${flag}`];
    return [`--${flag}`, Array.isArray(value) ? value.join(",") : String(value)];
  });
  const isMirroringChosen = flags.some((flag) => /^--(?:no-)?use-tta$/.test(flag));
  return [
    ...flags,
    // Without a model of its own, an image has no defaults: these are nnU-Net's.
    ...(isForAnyModel && !isMirroringChosen ? ["--use-tta"] : []),
    ...(args.folds === undefined ? [] : ["--folds", args.folds.join(",")]),
  ];
}
