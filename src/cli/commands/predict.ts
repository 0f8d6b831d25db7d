import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { counted } from "../../../processor/contract/counted.js";
import { helpFor } from "../../../processor/contract/help-for.js";
import { cleanLine } from "../../../processor/contract/progress/log-lines.js";
import { showEvents } from "../../../processor/contract/progress/show-events.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { extentText } from "../../../processor/imaging/volume/extent.js";
import type { CaseReport } from "../../../processor/runtime/cases/case.js";
import { type PredictionReport, predictCases } from "../../../processor/runtime/entries/predict.js";
import { errorOfCode } from "../../../processor/runtime/errors.js";
import { bundleHook } from "../../build/hook-bundle.js";
import { builderRemedy } from "../../errors/catalogue.js";
import { isConverted } from "../../inspect/inspect-converted.js";
import { membersOf, postProcessingChoice, trainedModels } from "../../models/obtain-models.js";
import { flagsOf } from "../command-line.js";
import type { CommandSession } from "../command-session.js";
import { bugHelp } from "../explain-error.js";
import { jsonText } from "../json-text.js";
import { namedModels } from "../named-models.js";
import type { predictOptions } from "../options/run-options.js";
import { withConvertedModel } from "./convert.js";
import { windowChoices } from "./window-choices.js";

type PredictArguments = InferredOptionTypes<typeof predictOptions>;

/** `build_processor predict`: the processor without an image. */
export async function runPredict(args: PredictArguments, session: CommandSession): Promise<number> {
  const { terminal } = session;
  windowChoices(args);
  if (args.overwrite && args.continue)
    throw sharedError("USAGE", "--overwrite and --continue cannot be used together");
  const report = withOwnRemedies(await predictWith(args, session));
  if (args.json) terminal.out(jsonText(report));
  else terminal.out(summary(report));
  const failed = report.cases.filter(({ status }) => status === "failed");
  if (failed.length === 0) return 0;
  if (report.cases.length === 1) throw onlyFailure(failed[0]!);
  // Each case's own line was printed when it failed; all cases with one code have the same remedy.
  for (const [code, help] of new Map(failed.map(({ error }) => [error!.code, error!.help])))
    terminal.err(`${code}: ${code === "BUG" ? bugHelp : helpFor(help, flagsOf("predict"))}\n`);
  throw sharedError(
    "SOME_CASES_FAILED",
    `${failed.length} of ${counted(report.cases.length, "case")} failed: ${failed.map(({ name }) => name).join(", ")}`,
  );
}

/** The processor names the remedies of an image's user. */
function withOwnRemedies(report: PredictionReport): PredictionReport {
  const cases = report.cases.map((one) =>
    one.error === undefined ? one : { ...one, error: { ...one.error, help: builderRemedy(one.error) } },
  );
  return { ...report, cases };
}

function onlyFailure({ name, error }: CaseReport): Error {
  const { code, message } = error!;
  if (code !== "BUG") return errorOfCode(code, `${name}: ${message}`);
  return Object.assign(new Error(message), { stack: `${name}: ${message}` });
}

/** A converted folder runs as it is; trained models are converted for the time of the run. */
export async function predictWith(
  args: PredictArguments,
  session: CommandSession,
): Promise<PredictionReport> {
  const { currentDirectory } = session.terminal;
  const [first, ...others] = args["model-dir"];
  if (first !== undefined && others.length === 0) {
    const modelDir = resolve(currentDirectory, first);
    if (await isConverted(modelDir)) {
      if (!["auto", "off"].includes(args.postprocessing))
        throw sharedError("USAGE", "--postprocessing FILE is for trained models; give it to `convert`");
      return predict({ modelDir, folds: args.folds ?? null }, args, session);
    }
  }
  const isGivenFromOutside = args["prev-stage-predictions"] !== undefined;
  if (isGivenFromOutside && args["prev-stage-model"] !== undefined)
    throw sharedError("USAGE", "--prev-stage-predictions and --prev-stage-model cannot be used together");
  const found = await trainedModels(
    {
      members: membersOf(namedModels(args)),
      onnxFiles: args.onnx ?? null,
      previousStage: args["prev-stage-model"] ?? null,
      needsPreviousStage: false,
      postProcessing: postProcessingChoice(args.postprocessing, currentDirectory),
    },
    session,
  );
  const members = isGivenFromOutside
    ? found.members.map(({ model }) => ({ model, previousStage: null }))
    : found.members;
  return withConvertedModel({ models: { ...found, members }, session }, (folder) =>
    predict({ modelDir: folder, folds: null }, args, session),
  );
}

async function predict(
  model: { readonly modelDir: string; readonly folds: readonly string[] | null },
  args: PredictArguments,
  session: CommandSession,
): Promise<PredictionReport> {
  const { terminal, progress, signal } = session;
  const absolute = (path: string): string => resolve(terminal.currentDirectory, path);
  const hookFolder =
    args["process-img-file"] === undefined ? null : await mkdtemp(join(tmpdir(), "nnunet-processor-hook-"));
  try {
    const hookModule = hookFolder === null ? null : join(hookFolder, "process-img.mjs");
    if (hookModule !== null) await bundleHook(absolute(args["process-img-file"]!), hookModule);
    return await predictCases({
      ...model,
      inputs: args.input.map(absolute),
      outputDir: absolute(args.output),
      settings: {
        useTestTimeAugmentation: windowChoices(args).useTta ?? true,
        stepSize: args["step-size"],
        device: args.device,
        precision: args.precision,
        exportMode: args.mode,
      },
      skipsPostProcessing: args.postprocessing === "off",
      saveProbabilities: args["save-probabilities"],
      prevStageDir:
        args["prev-stage-predictions"] === undefined ? null : absolute(args["prev-stage-predictions"]),
      existing: args.overwrite ? "overwrite" : args.continue ? "continue" : "error",
      hookModule,
      onEvent: showEvents(progress),
      signal,
    });
  } finally {
    if (hookFolder !== null) await rm(hookFolder, { recursive: true, force: true });
  }
}

function summary({ cases, executionProvider }: PredictionReport): string {
  // A case's name comes from a file, and may contain line breaks.
  const lines = cases.flatMap(caseLines).map(cleanLine);
  const count = (wanted: CaseReport["status"]) => cases.filter(({ status }) => status === wanted).length;
  const counts = [
    `${count("done")} done`,
    ...(count("skipped") > 0 ? [`${count("skipped")} already there`] : []),
    ...(count("failed") > 0 ? [`${count("failed")} failed`] : []),
  ];
  return `${lines.join("\n")}\n${counts.join(", ")}, on ${executionProvider}\n`;
}

const shownStatus = { skipped: "already there", failed: "failed" } as const;

function caseLines({ name, status, outputFile, labels }: CaseReport): readonly string[] {
  if (status !== "done") return [`${name}  ${shownStatus[status]}`];
  const volumes = labels!.map((count) => `${count.name} ${extentText(count, 1)}`);
  return [`${name}  ${volumes.join(", ")}`, `  ${outputFile}`];
}
