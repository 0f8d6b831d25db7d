import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { InferredOptionTypes } from "yargs";
import { duration } from "../../../../processor/contract/progress/line-progress.js";
import { cleanLine } from "../../../../processor/contract/progress/log-lines.js";
import { sharedError } from "../../../../processor/contract/shared-errors.js";
import { writeFileWhole } from "../../../../processor/files/write-file.js";
import { batchFolder } from "../../../../processor/runtime/batch/batch-folder.js";
import {
  type BatchStatus,
  batchStatus,
  statusCsv,
} from "../../../../processor/runtime/batch/batch-status.js";
import type { CommandSession } from "../../command-session.js";
import { jsonText } from "../../json-text.js";
import type { batchStatusOptions } from "../../options/batch-options.js";

type StatusArguments = InferredOptionTypes<typeof batchStatusOptions>;

const lookMs = 2000;

/**
 * `build_processor batch status`: reports the state of a batch from its files.
 *
 * @returns 0 if no case has failed so far, else 6
 */
export async function runBatchStatus(args: StatusArguments, session: CommandSession): Promise<number> {
  const { terminal, currentDirectory, signal } = session;
  const folder = batchFolder(resolve(currentDirectory, args.output));
  let status = await batchStatus(folder);
  const print = (): void => terminal.out(args.json ? jsonText(status) : statusText(status));
  print();
  while (args.watch && status.waiting + status.running > 0) {
    await wait(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    const before = statusText(status);
    status = await batchStatus(folder);
    if (statusText(status) !== before) print();
  }
  if (args.write) {
    await writeFileWhole(join(folder.root, "summary.json"), [Buffer.from(jsonText(status))]);
    await writeFileWhole(join(folder.root, "summary.csv"), [Buffer.from(statusCsv(status))]);
  }
  if (status.failed === 0) return 0;
  return sharedError.entries.SOME_CASES_FAILED.exit;
}

/** The names in a line, so that even ten thousand cases give a readable text. */
const namesShown = 5;

export function statusText(status: BatchStatus): string {
  const { total, done, failed, running, waiting, secondsLeft, failures, isCancelled } = status;
  const left = secondsLeft === null ? "" : `, about ${duration(secondsLeft)} left`;
  const counts = [
    `${done} of ${total} done`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(running > 0 ? [`${running} running`] : []),
    ...(waiting > 0 ? [`${waiting} waiting`] : []),
  ];
  const lines = Object.entries(failures).map(([code, names]) => {
    const more = names.length > namesShown ? ` and ${names.length - namesShown} more` : "";
    return `  ${code}: ${names.slice(0, namesShown).map(cleanLine).join(", ")}${more}\n`;
  });
  return `${counts.join(", ")}${left}${isCancelled ? ", cancelled" : ""}\n${lines.join("")}`;
}
