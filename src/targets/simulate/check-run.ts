import type { ContainerLog } from "../../docker/sandbox/container-log.js";
import type { ContainerEnd } from "../../docker/sandbox/container-run.js";
import { type Finding, fail, pass, warning } from "../../ground/finding.js";
import type { Simulation } from "./simulation.js";

interface EndedRun {
  readonly end: ContainerEnd;
  /** True if the process was killed because its time was over. */
  readonly isLate: boolean;
  readonly timeoutSeconds: number;
  readonly memoryBytes: number;
  readonly simulation: Pick<Simulation, "keptMemoryBytes">;
}

export const inGibibytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(2)} GiB`;

/** Checks that a process that should end by itself ended in time and without an error. */
export function checkEnd({ end, isLate, timeoutSeconds, memoryBytes, simulation }: EndedRun): Finding {
  const { exitCode, log, seconds, isOutOfMemory } = end;
  if (isLate)
    return fail(
      "exit",
      `still running after ${timeoutSeconds} s`,
      "Build with fewer folds, without mirroring, or ask the platform for more time (--timeout here).",
    );
  if (exitCode === 0) return pass("exit", `exit code 0 after ${seconds.toFixed(1)} s`);
  const said = log.lastErrorLine === null ? "nothing on stderr" : `last on stderr: ${log.lastErrorLine}`;
  if (isOutOfMemory || exitCode === 137)
    return fail(
      "exit",
      `killed as it exceeded ${inGibibytes(memoryBytes)} of memory; ${said}`,
      "Ask for a machine with more memory (--memory here), or build with fewer folds.",
    );
  const remedy =
    simulation.keptMemoryBytes !== null && /alloc|memory/i.test(log.lastErrorLine ?? "")
      ? `Data is limited to ${inGibibytes(memoryBytes - simulation.keptMemoryBytes)} there: ask for a machine with more memory (--memory here).`
      : "The line says what to do.";
  return fail("exit", `exit code ${exitCode}; ${said}`, remedy);
}

/** Node alone needs more memory than this. A smaller peak was measured before Node started. */
const leastMeasuredBytes = 0.01 * 1024 ** 3;

/** Checks the peak memory, and warns if little of the limit is left. */
export function checkMemory(
  { peakMemoryBytes }: Pick<ContainerEnd, "peakMemoryBytes">,
  limit: number,
): readonly Finding[] {
  if (peakMemoryBytes === null) return [];
  if (peakMemoryBytes < leastMeasuredBytes)
    return [
      pass("memory", `less than ${inGibibytes(leastMeasuredBytes)} seen, because the run was too short`),
    ];
  const shown = `at most ${inGibibytes(peakMemoryBytes)} of ${inGibibytes(limit)}`;
  return peakMemoryBytes > 0.8 * limit
    ? [warning("memory", shown, "A larger image may not fit: ask for a machine with more memory.")]
    : [pass("memory", shown)];
}

/** Platforms drop lines of this length and longer ones. */
const longestLineBytes = 64 * 1024;

/** Checks that a platform could keep and show the lines of stdout and stderr. */
export function checkLog({ log, exitCode }: Pick<ContainerEnd, "log" | "exitCode">): readonly Finding[] {
  return [checkLines(log), ...(exitCode === 0 ? [checkErrorLines(log)] : [])];
}

function checkLines({ isUtf8, longestLineBytes: longest, hasCarriageReturns }: ContainerLog): Finding {
  if (!isUtf8) return fail("log", "a line is not UTF-8", "Write UTF-8: platforms decode strictly.");
  if (longest >= longestLineBytes)
    return fail(
      "log",
      `a line has ${longest} bytes`,
      hasCarriageReturns
        ? "End lines with \\n: a bar drawn with \\r is one long line."
        : "Lines of 64 KiB and more are dropped: write shorter ones.",
    );
  return hasCarriageReturns
    ? warning("log", "lines hold \\r", "End lines with \\n: a bar drawn with \\r is one long line.")
    : pass("log", `lines of at most ${longest} bytes, in UTF-8`);
}

const checkErrorLines = ({ errorLines, lastErrorLine }: ContainerLog): Finding =>
  lastErrorLine === null
    ? pass("stderr", "nothing")
    : warning(
        "stderr",
        `${errorLines} ${errorLines === 1 ? "line" : "lines"}; users are shown: ${lastErrorLine}`,
        "A job that writes to stderr is marked with a warning; write messages that are not errors to stdout.",
      );
