import type { InferredOptionTypes } from "yargs";
import { counted } from "../../../processor/contract/counted.js";
import { helpFor } from "../../../processor/contract/help-for.js";
import { cleanLine } from "../../../processor/contract/progress/log-lines.js";
import { flagNames, predictDefaults, settingChoices } from "../../../processor/contract/setting-choices.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { extentText } from "../../../processor/imaging/volume/extent.js";
import { sharedSettings, workersOf } from "../../../processor/runtime/batch/run-choices.js";
import type { CaseReport } from "../../../processor/runtime/cases/case.js";
import type { PredictionReport } from "../../../processor/runtime/entries/predict.js";
import { errorOfCode } from "../../../processor/runtime/errors.js";
import { builderRemedy } from "../../ground/errors/catalogue.js";
import { withPagePaths } from "../../ground/files/page-path.js";
import { withJobStatus } from "../../predict/nnunet-serve/job-status.js";
import { jobWishes } from "../../predict/nnunet-serve/job-words.js";
import type { ServeWords } from "../../predict/nnunet-serve/parse-arguments.js";
import { type PredictRequest, predictWith } from "../../predict/predict-with.js";
import type { CommandSession } from "../command-session.js";
import { bugHelp } from "../explain-error.js";
import { fasterEngineHint } from "../faster-engine-hint.js";
import { jsonText } from "../json-text.js";
import { modelRequest } from "../named-models.js";
import { nvidiaArguments } from "../nvidia-arguments.js";
import type { predictOptions } from "../options/run-options.js";
import { serveWordsOf } from "../options/serve-options.js";
import { predictExtras, withProbaMap } from "../predict-extras.js";

type PredictArguments = InferredOptionTypes<typeof predictOptions>;

/** `build_processor predict`: segments images without building an image. */
export async function runPredict(args: PredictArguments, session: CommandSession): Promise<number> {
  const words = serveWordsOf(args);
  const { terminal, progress } = session;
  if (words.has("study_uid")) progress.note("--study-uid has no effect: no file is named after it");
  return withJobStatus(jobWishes(words), session, () => predictCases(args, words, session)).catch(
    (error: unknown) => {
      if (words.has("debug") && error instanceof Error) terminal.err(`${error.stack ?? error.message}\n`);
      throw error;
    },
  );
}

async function predictCases(
  args: PredictArguments,
  words: ServeWords,
  session: CommandSession,
): Promise<{ readonly result: number; readonly isEmpty: boolean }> {
  const { terminal, flags } = session;
  if (args.image !== undefined) {
    const { predictInImage } = await import("../predict-in-image.js");
    return { result: await predictInImage(args, args.image, session), isEmpty: false };
  }
  const request = await requestOf(args, words, session);
  if (args.overwrite && args.continue)
    throw sharedError("USAGE", "--overwrite and --continue cannot be used together");
  const begin = performance.now();
  const report = withOwnRemedies(await predictWith(request, session));
  if (args.json) terminal.out(jsonText(report));
  else terminal.out(summary(report));
  const hint = await fasterEngineHint(report, performance.now() - begin, terminal.environment);
  if (hint !== null) terminal.err(hint);
  const failed = report.cases.filter(({ status }) => status === "failed");
  if (failed.length === 0) return { result: 0, isEmpty: isReportedEmpty(report, words) };
  if (report.cases.length === 1) throw onlyFailure(failed[0]!);
  // Each failure was printed when it happened, but without its remedy, which is the same for all cases with its code.
  for (const [code, help] of new Map(failed.map(({ error }) => [error!.code, error!.help])))
    terminal.err(
      `${code}: ${code === "BUG" ? bugHelp : withPagePaths(helpFor(help, flags), terminal.currentDirectory)}\n`,
    );
  throw sharedError(
    "SOME_CASES_FAILED",
    `${failed.length} of ${counted(report.cases.length, "case")} failed: ${failed.map(({ name }) => name).join(", ")}`,
  );
}

/** Returns whether nothing was segmented, and no file says so. */
const isReportedEmpty = ({ cases }: PredictionReport, words: ServeWords): boolean =>
  !words.has("empty_segment_metadata") &&
  cases.every(({ labels = null }) => labels?.every(({ voxels }) => voxels === 0) ?? false);

/** Replaces the remedies, which are for users of an image, by those for users of this program. */
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

/** @throws USAGE without a model */
async function requestOf(
  args: PredictArguments,
  words: ServeWords,
  { terminal }: CommandSession,
): Promise<PredictRequest> {
  const modelDirs = args["model-dir"];
  if (modelDirs === undefined) throw sharedError("USAGE", "--model-dir is missing");
  const chosen = withProbaMap(settingChoices(args, "predict", flagNames).applyTo(predictDefaults()), words);
  const workers = workersOf(args.gpus ?? null, 1, terminal.environment);
  const settings = sharedSettings(chosen, workers);
  return {
    models: modelRequest({ ...args, "model-dir": modelDirs }, await nvidiaArguments(args, terminal)),
    inputs: args.input,
    outputDir: args.output,
    previousStagePredictions: args["prev-stage-predictions"] ?? null,
    hookFile: args["process-img-file"] ?? null,
    dicomMetadataFile: args["dicom-metadata"] ?? null,
    settings,
    existing: args.overwrite ? "overwrite" : args.continue ? "continue" : "error",
    extras: predictExtras(words, settings),
    temporaryFolder: words.get("tmp_dir")?.[0] ?? null,
    gpus: workers.filter((gpu) => gpu !== null),
  };
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

/** With more classes than this, those that were not found are only counted. */
const mostShown = 12;

function caseLines({ name, status, outputFile, furtherFiles, labels }: CaseReport): readonly string[] {
  if (status !== "done") return [`${name}  ${shownStatus[status]}`];
  const isLong = labels!.length > mostShown;
  const shown = isLong ? labels!.filter(({ voxels }) => voxels > 0) : labels!;
  const volumes = shown.map((count) => `${count.name} ${extentText(count, 1)}`);
  const others = labels!.length - shown.length;
  const rest = others === 0 ? [] : [`${counted(others, "class", "classes")} not found`];
  const files = [outputFile, ...(furtherFiles ?? [])].map((file) => `  ${file}`);
  return [`${name}  ${[...volumes, ...rest].join(", ")}`, ...files];
}
