import { counted } from "../../../processor/contract/counted.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import type { DatasetFinding } from "../../nnunet/datasets/verify/dataset-finding.js";
import { likeNnunet } from "../../nnunet/datasets/verify/like-nnunet.js";
import { type VerifyReport, verifyDataset } from "../../nnunet/datasets/verify/verify-dataset.js";
import { verifyTask } from "../../nnunet/v1/verify-task.js";
import type { CommandSession } from "../command-session.js";
import { type TextStyle, wrapped } from "../findings-text.js";
import type { DatasetCommandArguments } from "./dataset-arguments.js";
import { namedDatasets } from "./nnunet-datasets.js";

/**
 * `build_processor dataset verify DATASETS…`: checks data sets as nnU-Net does, but reports every fault at once.
 *
 * @throws DATASET_FAULTY if one has errors, after printing the report
 */
export async function runVerifyDataset(
  args: DatasetCommandArguments,
  { terminal, progress, signal, environment }: CommandSession,
): Promise<number> {
  const places = await namedDatasets(args, terminal);
  const reports: VerifyReport[] = [];
  for (const place of places) {
    const verify = args.nnunet === "v1" ? verifyTask : verifyDataset;
    const report = await verify(place, {
      workers: args.workers ?? null,
      progress,
      signal,
      environment,
    });
    reports.push(report);
    if (!args.json) terminal.out(args.like === "nnunet" ? likeText(report) : reportText(report, terminal));
  }
  if (args.json) {
    const shown = reports.map((report) =>
      args.like === "nnunet" ? { dataset: report.dataset, ...likeNnunet(report) } : report,
    );
    terminal.out(`${JSON.stringify(shown, null, 2)}\n`);
  }
  const faulty = reports.filter((report) => !(args.like === "nnunet" ? likeNnunet(report) : report).isFine);
  if (faulty.length === 0) return 0;
  throw nnunetError("DATASET_FAULTY", faulty.map(({ dataset }) => dataset).join(", "));
}

const severities = ["note", "warning", "error"] as const;

/** Lists notes first and errors last, so that errors stay visible on a terminal. */
function reportText({ dataset, cases, reader, findings, isFine }: VerifyReport, style: TextStyle): string {
  const head = `${dataset}: ${counted(cases, "training case")}${reader === null ? "" : `, read with ${reader}`}`;
  const ordered = severities.flatMap((severity) =>
    findings.filter((finding) => finding.severity === severity),
  );
  const count = (severity: DatasetFinding["severity"]) =>
    findings.filter((finding) => finding.severity === severity).length;
  const verdict = isFine
    ? `fine${count("warning") > 0 ? `, with ${counted(count("warning"), "warning")}` : ""}`
    : `${counted(count("error"), "error")}, ${counted(count("warning"), "warning")}`;
  return `${[head, ...ordered.flatMap((finding) => findingLines(finding, style)), verdict].join("\n")}\n`;
}

const wide = 9;

function findingLines({ severity, text, remedy }: DatasetFinding, style: TextStyle): readonly string[] {
  const indent = " ".repeat(wide);
  const [first = "", ...others] = wrapped(text, wide, style);
  return [
    `${severity.padEnd(wide)}${first}`,
    ...[...others, ...wrapped(remedy, wide, style)].map((line) => `${indent}${line}`),
  ];
}

function likeText(report: VerifyReport): string {
  const { exception, lines } = likeNnunet(report);
  const end =
    exception === null
      ? "nnU-Net would find no errors."
      : `nnU-Net would stop with ${exception.type}${exception.text === "" ? " (without a text)" : `: ${exception.text}`}`;
  return `${[report.dataset, ...lines, end].join("\n")}\n`;
}
