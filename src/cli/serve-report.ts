import { counted } from "../../processor/contract/counted.js";
import { cleanLine } from "../../processor/contract/progress/log-lines.js";
import { extentText } from "../../processor/imaging/volume/extent.js";
import type { ServeReport } from "../predict/nnunet-serve/predict-nnunet-serve.js";
import type { ServeRequest } from "../predict/nnunet-serve/serve-request.js";
import { jsonText } from "./json-text.js";
import type { Terminal } from "./terminal.js";

/** Prints the result of a job, for people or as JSON. */
export function printServeReport(
  report: ServeReport,
  { printsJson }: Pick<ServeRequest, "printsJson">,
  terminal: Terminal,
): void {
  terminal.out(printsJson ? jsonText(report) : summary(report));
}

function summary({ case: { labels, candidates, executionProvider }, files }: ServeReport): string {
  const volumes = labels!.map((count) => `${count.name} ${extentText(count, 1)}`);
  const found =
    candidates === undefined
      ? []
      : [`${counted(candidates.confidences.length, "candidate")}${shown(candidates.confidences)}`];
  const lines = [
    volumes.join(", "),
    ...found,
    ...[files.prediction, files.probabilities, ...files.inputs, ...files.dicom].map((path) => `  ${path}`),
  ];
  return `${lines.map(cleanLine).join("\n")}\ndone, on ${executionProvider}\n`;
}

const shown = (confidences: readonly number[]): string =>
  confidences.length === 0 ? "" : `, with the largest probabilities ${confidences.join(", ")}`;
