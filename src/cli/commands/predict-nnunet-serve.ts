import { counted } from "../../../processor/contract/counted.js";
import { cleanLine } from "../../../processor/contract/progress/log-lines.js";
import { extentText } from "../../../processor/imaging/volume/extent.js";
import { parseServeArguments } from "../../predict/nnunet-serve/parse-arguments.js";
import { runServeJob, type ServeReport } from "../../predict/nnunet-serve/predict-nnunet-serve.js";
import { serveRequest } from "../../predict/nnunet-serve/serve-request.js";
import type { CommandSession } from "../command-session.js";
import { jsonText } from "../json-text.js";

/** `build_processor predict-nnunet-serve`: segments one case with the command line of nnunet_serve. */
export async function runPredictNnunetServe(
  argv: readonly string[],
  session: CommandSession,
): Promise<number> {
  const { terminal, environment } = session;
  const request = serveRequest(parseServeArguments(argv), environment);
  const report = await runServeJob(request, session).catch((error: unknown) => {
    if (request.isDebugging && error instanceof Error) terminal.err(`${error.stack ?? error.message}\n`);
    throw error;
  });
  terminal.out(request.printsJson ? jsonText(report) : summary(report));
  return 0;
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
    ...[files.prediction, files.probabilities, ...files.inputs].map((path) => `  ${path}`),
  ];
  return `${lines.map(cleanLine).join("\n")}\ndone, on ${executionProvider}\n`;
}

const shown = (confidences: readonly number[]): string =>
  confidences.length === 0 ? "" : `, with the largest probabilities ${confidences.join(", ")}`;
