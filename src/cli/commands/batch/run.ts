import type { InferredOptionTypes } from "yargs";
import { counted } from "../../../../processor/contract/counted.js";
import { helpFor } from "../../../../processor/contract/help-for.js";
import { cleanLine } from "../../../../processor/contract/progress/log-lines.js";
import { showEvents } from "../../../../processor/contract/progress/show-events.js";
import {
  flagNames,
  predictDefaults,
  settingChoices,
} from "../../../../processor/contract/setting-choices.js";
import { sharedError } from "../../../../processor/contract/shared-errors.js";
import { removeCancelMark } from "../../../../processor/runtime/batch/cancel-mark.js";
import type { CaseRecord } from "../../../../processor/runtime/batch/case-record.js";
import { type BatchReport, runBatch } from "../../../../processor/runtime/batch/run-batch.js";
import { runChoices, sharedSettings } from "../../../../processor/runtime/batch/run-choices.js";
import { builderRemedy } from "../../../ground/errors/catalogue.js";
import { withPagePaths } from "../../../ground/files/page-path.js";
import type { CommandSession } from "../../command-session.js";
import { bugHelp } from "../../explain-error.js";
import { jsonText } from "../../json-text.js";
import type { batchRunOptions } from "../../options/batch-options.js";
import { withBatch } from "./begin-batch.js";

type RunArguments = InferredOptionTypes<typeof batchRunOptions>;

/** `build_processor batch run`: computes the cases of a manifest that are not done. */
export async function runBatchRun(args: RunArguments, session: CommandSession): Promise<number> {
  const { terminal, progress, signal, environment } = session;
  const choices = runChoices(args, environment);
  const settings = sharedSettings(
    settingChoices(args, "predict", flagNames).applyTo(predictDefaults()),
    choices.workers,
  );
  const onEvent = showEvents({ ...progress, start: () => ({ advance: () => {}, done: () => {} }) });
  const report = await withBatch(args, { settings, onEvent, session }, async (batch) => {
    if (choices.shard === null) await removeCancelMark(batch.folder);
    const task = progress.start({
      label: "segmenting",
      total: batch.manifest.cases.length,
      unit: "cases",
    });
    try {
      return await runBatch(batch, {
        ...choices,
        onEvent,
        onFinished: () => task.advance(1),
        signal,
      });
    } finally {
      task.done();
    }
  });
  terminal.out(args.json ? jsonText(withOwnRemedies(report)) : summary(report, args.output));
  const failed = report.records.filter(({ state }) => state === "failed");
  if (failed.length === 0) return 0;
  for (const line of remedies(failed, session)) terminal.err(`${line}\n`);
  throw sharedError(
    "SOME_CASES_FAILED",
    `${failed.length} of ${counted(report.records.length, "case")} failed: ${failed.map((one) => one.case).join(", ")}`,
  );
}

function withOwnRemedies(report: BatchReport): BatchReport {
  const records = report.records.map((one) =>
    one.error === null ? one : { ...one, error: { ...one.error, help: builderRemedy(one.error) } },
  );
  return { ...report, records };
}

/** Returns each remedy once. */
const remedies = (
  failed: readonly CaseRecord[],
  { flags, currentDirectory }: CommandSession,
): readonly string[] =>
  [...new Map(failed.map(({ error }) => [error!.code, error!]))].map(
    ([code, error]) =>
      `${code}: ${code === "BUG" ? bugHelp : withPagePaths(helpFor(builderRemedy(error), flags), currentDirectory)}`,
  );

function summary({ records }: BatchReport, output: string): string {
  const done = records.filter(({ state }) => state === "done");
  const devices = [...new Set(done.flatMap(({ device }) => device ?? []))];
  const on = devices.length === 0 ? "" : `, on ${devices.join(", ")}`;
  const failed = records.length - done.length;
  return `${cleanLine(output)}: ${done.length} done${failed === 0 ? "" : `, ${failed} failed`}${on}\n`;
}
