import { dirname, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { type Evaluation, evaluate } from "../../nnunet/evaluation/evaluate.js";
import { reportHtml } from "../../nnunet/evaluation/report-html.js";
import { csvText, meanRows, tableRows } from "../../nnunet/evaluation/table.js";
import type { CommandSession } from "../command-session.js";
import { jsonText } from "../json-text.js";
import type { evaluateOptions } from "../options/evaluation-options.js";

type EvaluateArguments = InferredOptionTypes<typeof evaluateOptions> & {
  readonly references: string;
  readonly predictions: string;
};

/** `build_processor evaluate`: scores a folder of segmentations. */
export async function runEvaluate(args: EvaluateArguments, session: CommandSession): Promise<number> {
  const { terminal, currentDirectory, progress, signal } = session;
  const labels = args.labels ?? null;
  if (args.nnunet === "v1" && labels === null)
    throw sharedError("USAGE", "--nnunet v1 needs --labels, as nnUNet_evaluate_folder does");
  if (labels?.some((label) => !Number.isInteger(label)))
    throw sharedError("USAGE", `--labels are whole numbers, not ${labels.join(" ")}`);
  const evaluation = await evaluate({
    referenceFolder: args.references,
    predictionFolder: args.predictions,
    currentDirectory,
    datasetJson: args["dataset-json"] ?? null,
    labels,
    ignoreLabel: args["ignore-label"] ?? null,
    allowMissing: args.chill,
    nnunetVersion: args.nnunet === "v1" ? 1 : 2,
    summaryFile: args.output ?? null,
    toleranceMm: args["surface-distances"] ? args["tolerance-mm"] : null,
    progress,
    signal,
  });
  const write = async (path: string | undefined, text: () => string): Promise<string | null> => {
    if (path === undefined) return null;
    const file = resolve(currentDirectory, path);
    await makeFolder(dirname(file));
    await writeFileWhole(file, [Buffer.from(text())]);
    return file;
  };
  const tableFile = await write(args.csv, () => csvText(tableRows(evaluation)));
  const pageFile = await write(args.html, () => reportHtml(evaluation));
  const written = { ...evaluation, tableFile, pageFile };
  terminal.out(args.json ? jsonText(jsonReport(written)) : evaluationText(written));
  return 0;
}

/** An evaluation, and its further files if they were asked for. */
interface WrittenEvaluation extends Evaluation {
  readonly tableFile: string | null;
  readonly pageFile: string | null;
}

function evaluationText(evaluation: WrittenEvaluation): string {
  const { summary, cases, labelNames, summaryFile, tableFile, pageFile } = evaluation;
  const widest = Math.max(...labelNames.map((name) => name.length), "foreground mean".length);
  const rows = meanRows(evaluation);
  const columns = Object.keys(rows[0]?.values ?? {});
  const line = (name: string, cells: readonly string[]): string =>
    `  ${name.padEnd(widest)}${cells.map((cell, i) => `  ${cell.padStart(Math.max(6, columns[i]!.length))}`).join("")}\n`;
  const { Dice, IoU } = summary.foregroundMean;
  return [
    `${cases.length} ${cases.length === 1 ? "case" : "cases"}\n`,
    line("label", columns),
    ...rows.map(({ label, values }) =>
      line(
        label,
        columns.map((column) => score(values[column]!)),
      ),
    ),
    line("foreground mean", [score(Dice), score(IoU)]),
    `written    ${summaryFile}\n`,
    ...[tableFile, pageFile].flatMap((file) => (file === null ? [] : [`           ${file}\n`])),
  ].join("");
}

const score = (value: number): string => (Number.isNaN(value) ? "none" : value.toFixed(4));

/** NaN is null in JSON. */
const jsonReport = ({
  summary,
  cases,
  labelNames,
  summaryFile,
  tableFile,
  pageFile,
}: WrittenEvaluation): object => ({
  summaryFile,
  ...(tableFile === null ? {} : { tableFile }),
  ...(pageFile === null ? {} : { pageFile }),
  cases: cases.length,
  foregroundMean: { dice: summary.foregroundMean.Dice, iou: summary.foregroundMean.IoU },
  labels: labelNames.map((name, i) => ({
    name,
    key: summary.labels[i]!.key,
    dice: summary.meanOfLabel[i]!.Dice,
    iou: summary.meanOfLabel[i]!.IoU,
  })),
});
