import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { counted } from "../../../../processor/contract/counted.js";
import { cleanLine } from "../../../../processor/contract/progress/log-lines.js";
import { sharedError } from "../../../../processor/contract/shared-errors.js";
import { batchFolder } from "../../../../processor/runtime/batch/batch-folder.js";
import { forgetCases } from "../../../../processor/runtime/batch/forget-cases.js";
import type { CommandSession } from "../../command-session.js";
import { jsonText } from "../../json-text.js";
import type { batchRetryOptions } from "../../options/batch-options.js";

type RetryArguments = InferredOptionTypes<typeof batchRetryOptions>;

/** `build_processor batch retry`: forgets cases, so that the next run computes them. */
export async function runBatchRetry(args: RetryArguments, session: CommandSession): Promise<number> {
  if (args.failed && args.case !== undefined)
    throw sharedError("USAGE", "--failed and --case cannot be used together");
  const folder = batchFolder(resolve(session.currentDirectory, args.output));
  const forgotten = await forgetCases(folder, args.case ?? null);
  session.terminal.out(
    args.json
      ? jsonText({ forgotten })
      : `${counted(forgotten.length, "case")} to compute again${forgotten.length === 0 ? "" : `: ${forgotten.map(cleanLine).join(", ")}`}; start the batch again\n`,
  );
  return 0;
}
