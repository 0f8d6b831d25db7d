import { parseServeArguments } from "../../predict/nnunet-serve/parse-arguments.js";
import { runServeJob, type ServeReport } from "../../predict/nnunet-serve/predict-nnunet-serve.js";
import { type ServeRequest, serveRequest } from "../../predict/nnunet-serve/serve-request.js";
import type { CommandSession } from "../command-session.js";
import { printServeReport } from "../serve-report.js";

/** `build_processor predict-nnunet-serve`: segments one case with the command line of nnunet_serve. */
export async function runPredictNnunetServe(
  argv: readonly string[],
  session: CommandSession,
): Promise<number> {
  const { terminal, environment } = session;
  const request = serveRequest(parseServeArguments(argv), environment);
  const report = await runJob(request, session).catch((error: unknown) => {
    if (request.isDebugging && error instanceof Error) terminal.err(`${error.stack ?? error.message}\n`);
    throw error;
  });
  printServeReport(report, request, terminal);
  return 0;
}

async function runJob(request: ServeRequest, session: CommandSession): Promise<ServeReport> {
  if (request.dockerImage === null) return runServeJob(request, session);
  const { serveInDocker } = await import("../../predict/in-docker/serve-in-docker.js");
  return runServeJob(request, session, serveInDocker);
}
