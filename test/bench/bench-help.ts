import { join } from "node:path";
import { repositoryRoot } from "../support/golden.js";
import { type BenchRow, seconds } from "./bench-row.js";
import { measureProcess } from "./measure-process.js";

/** Returns the median of five runs, after a first one that fills the file cache. */
export async function benchHelp(): Promise<readonly BenchRow[]> {
  const command = [
    process.execPath,
    join(repositoryRoot, "dist", "build_processor.js"),
    "predict",
    "--help",
  ] as const;
  await measureProcess([...command]);
  const times: number[] = [];
  for (let run = 0; run < 5; run++) times.push((await measureProcess([...command])).wallSeconds);
  const median = times.toSorted((a, b) => a - b)[2]!;
  return [{ what: "predict --help", ours: seconds(median), goal: "< 0.4 s", isReached: median < 0.4 }];
}
