import { dirname, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { counted } from "../../../../processor/contract/counted.js";
import { sharedError } from "../../../../processor/contract/shared-errors.js";
import { exists } from "../../../../processor/files/exists.js";
import { makeFolder } from "../../../../processor/files/make-folder.js";
import { writeFileWhole } from "../../../../processor/files/write-file.js";
import {
  channelCount,
  manifestText,
  planManifest,
} from "../../../../processor/runtime/batch/plan-manifest.js";
import { leftOutLines } from "../../../../processor/runtime/cases/left-out.js";
import type { CommandSession } from "../../command-session.js";
import type { batchPlanOptions } from "../../options/batch-options.js";

type PlanArguments = InferredOptionTypes<typeof batchPlanOptions>;

/** `build_processor batch plan`: writes the manifest of a batch. */
export async function runBatchPlan(args: PlanArguments, session: CommandSession): Promise<number> {
  const { terminal, currentDirectory, progress } = session;
  const isForStdout = args.output === "-";
  const path = resolve(currentDirectory, args.output);
  if (!isForStdout && !args.overwrite && (await exists(path)))
    throw sharedError("OUTPUT_EXISTS", `${args.output} exists already`);
  const planned = await planManifest({
    inputs: args.input.map((input) => resolve(currentDirectory, input)),
    channelNames: args.channels === undefined ? null : channelCount(args.channels),
    folder: isForStdout ? currentDirectory : dirname(path),
  });
  for (const line of leftOutLines(planned.leftOut)) progress.note(line);
  const text = manifestText(planned);
  if (isForStdout) {
    terminal.out(text);
    return 0;
  }
  await makeFolder(dirname(path));
  await writeFileWhole(path, [Buffer.from(text)]);
  terminal.out(`${args.output}: ${counted(planned.lines.length, "case")}\n`);
  return 0;
}
