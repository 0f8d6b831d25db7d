import type { InferredOptionTypes } from "yargs";
import { counted } from "../../../processor/contract/counted.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { someOf } from "../../ground/some-of.js";
import { type FingerprintReport, makeFingerprint } from "../../nnunet/fingerprint/make-fingerprint.js";
import type { CommandSession } from "../command-session.js";
import type { fingerprintOptions } from "../options/nnunet-options.js";
import { foldersFor, namedDatasets, withPreprocessed } from "./nnunet-datasets.js";

type FingerprintArguments = InferredOptionTypes<typeof fingerprintOptions> & {
  readonly datasets?: readonly string[];
};

/** `build_processor fingerprint DATASETS…`: measures data sets for the planner. */
export async function runFingerprint(
  args: FingerprintArguments,
  { terminal, progress, signal, environment }: CommandSession,
): Promise<number> {
  if (args.nnunet === "v1")
    throw sharedError(
      "USAGE",
      "v1 has no fingerprint of its own: `build_processor plan --nnunet v1` measures and plans",
    );
  const folders = foldersFor(args, terminal);
  const places = (await namedDatasets(args, terminal)).map((place) => withPreprocessed(place, folders));
  const reports: FingerprintReport[] = [];
  for (const place of places) {
    const report = await makeFingerprint(
      place,
      { samples: args.samples, clean: args.clean },
      { workers: args.workers ?? null, progress, signal, environment },
    );
    reports.push(report);
    if (!args.json) terminal.out(reportText(report));
  }
  if (args.json) terminal.out(`${JSON.stringify(reports, null, 2)}\n`);
  return 0;
}

function reportText({ dataset, file, cases, continued, result, changes }: FingerprintReport): string {
  const changed = changes.length === 0 ? [] : [`  the raw data have changed: ${someOf(changes)}`];
  const done =
    result === "kept"
      ? `  kept ${file}, which fits the raw data (--clean computes it again)`
      : `  written to ${file} (${counted(cases, "case")}${continued === 0 ? "" : `, ${continued} of them by an earlier run`})`;
  return `${[dataset, ...changed, done].join("\n")}\n`;
}
