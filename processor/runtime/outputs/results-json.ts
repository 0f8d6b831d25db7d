import { join, relative, sep } from "node:path";
import { writeFileWhole } from "../../files/write-file.js";
import type { CaseReport } from "../cases/case.js";

/** One entry of grand-challenge's legacy `results.json`. */
interface ResultEntry {
  readonly entity: string;
  readonly metrics: { readonly segmentation?: string };
  readonly error_messages: readonly string[];
  /** An addition to the legacy format; absent if there are no warnings. */
  readonly warnings?: readonly string[];
}

/**
 * Writes `results.json` in the output folder: a mask for each case that is done, and the reason for each case that
 * failed.
 */
export async function writeResultsJson(outputDir: string, reports: readonly CaseReport[]): Promise<void> {
  const entries = reports.map(({ name, outputFile, error, warnings }): ResultEntry => {
    const mask = relative(outputDir, outputFile).split(sep).join("/");
    return {
      entity: name,
      metrics: error === undefined ? { segmentation: `filepath:${mask}` } : {},
      error_messages: error === undefined ? [] : [`${error.code}: ${error.message}`],
      ...(warnings === undefined ? {} : { warnings }),
    };
  });
  await writeFileWhole(join(outputDir, "results.json"), [
    Buffer.from(`${JSON.stringify(entries, null, 2)}\n`),
  ]);
}
