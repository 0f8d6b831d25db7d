import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { readBatchFile } from "../../../../processor/runtime/batch/batch-file.js";
import { batchFolder } from "../../../../processor/runtime/batch/batch-folder.js";
import { writeCancelMark } from "../../../../processor/runtime/batch/cancel-mark.js";
import type { CommandSession } from "../../command-session.js";
import { jsonText } from "../../json-text.js";
import type { batchCancelOptions } from "../../options/batch-options.js";

type CancelArguments = InferredOptionTypes<typeof batchCancelOptions>;

/** `build_processor batch cancel`: asks all processes of a batch to stop. */
export async function runBatchCancel(args: CancelArguments, session: CommandSession): Promise<number> {
  const folder = batchFolder(resolve(session.currentDirectory, args.output));
  await readBatchFile(folder);
  await writeCancelMark(folder);
  session.terminal.out(
    args.json
      ? jsonText({ cancelled: true })
      : "cancelled; running processes stop within seconds, and the next run goes on\n",
  );
  return 0;
}
