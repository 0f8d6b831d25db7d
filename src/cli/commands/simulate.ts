import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { ProcessorError } from "../../../processor/errors.js";
import { absoluteImageFile } from "../../image/image-file.js";
import { inGibibytes } from "../../targets/check-run.js";
import { type SimulationReport, simulate } from "../../targets/simulate.js";
import type { PhaseResult } from "../../targets/trial.js";
import type { CommandSession } from "../command-session.js";
import { findingsText } from "../findings-text.js";
import type { simulateOptions } from "../options/image-options.js";

type SimulateArguments = InferredOptionTypes<typeof simulateOptions> & { readonly image: string };

/**
 * `build_processor simulate IMAGE`: what the platform will do with the image, done here first.
 *
 * @throws SIMULATION_FAILED when a check fails, after the report was printed
 */
export async function runSimulate(args: SimulateArguments, session: CommandSession): Promise<number> {
  const { terminal, progress, signal } = session;
  const path = (word: string): string => resolve(terminal.currentDirectory, word);
  if (!(args.timeout > 0)) throw new ProcessorError("USAGE", `--timeout ${args.timeout}: a number above 0`);
  const report = await simulate({
    image: await absoluteImageFile(args.image, terminal.currentDirectory),
    target: args.target ?? null,
    input: path(args.input),
    expect: args.expect === undefined ? null : path(args.expect),
    modelTarball: args["model-tarball"] === undefined ? null : path(args["model-tarball"]),
    sockets: args.socket ?? [],
    memoryBytes: args.memory === undefined ? null : memoryBytes(args.memory),
    timeoutSeconds: args.timeout,
    minDice: args["min-dice"],
    ...{ environment: terminal.environment, progress, signal },
  });
  terminal.out(args.json ? `${JSON.stringify(report, null, 2)}\n` : asText(report));
  if (report.isAccepted) return 0;
  const failed = [{ phase: "image", findings: report.findings }, ...report.phases].flatMap(
    ({ phase, findings }) =>
      findings.filter(({ result }) => result === "fail").map(({ check }) => `${check} (${phase})`),
  );
  throw new ProcessorError("SIMULATION_FAILED", `${args.image}: ${failed.join(", ")}`);
}

const units: Readonly<Record<string, number>> = { m: 1024 ** 2, g: 1024 ** 3 };

/** Below it nothing starts, and what the platform keeps for itself is more. */
const leastMemoryBytes = 1.25 * 1024 ** 3;

/** `8g`, as Docker's --memory. */
function memoryBytes(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([mg])b?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(digits) * (units[unit?.toLowerCase() ?? ""] ?? Number.NaN));
  if (bytes >= leastMemoryBytes) return bytes;
  throw new ProcessorError("USAGE", `--memory ${text}: write 8g or 2048m, at least 1280m`);
}

function asText(report: SimulationReport): string {
  const { engine, memoryBytes, peakMemoryBytes, findings, phases } = report;
  const peak = peakMemoryBytes === null ? "unknown" : inGibibytes(peakMemoryBytes);
  return [
    `image        ${report.image} (${report.imageId})\n`,
    `as           ${report.target}, ${inGibibytes(memoryBytes)} of memory, ${engine}\n`,
    `peak memory  ${peak}\n\n`,
    findingsText(findings),
    ...phases.map(phaseText),
  ].join("");
}

function phaseText({ phase, seconds, peakMemoryBytes, findings, segmentations, log }: PhaseResult): string {
  const peak = peakMemoryBytes === null ? "" : `, peak memory ${inGibibytes(peakMemoryBytes)}`;
  const labels = segmentations.flatMap(({ path, labels: counted }) =>
    counted.map(({ label, voxels, expectedVoxels, dice }) => {
      const right = dice === null ? "" : `  expected ${expectedVoxels}, Dice ${dice.toFixed(4)}`;
      return `             ${path}  label ${label}: ${voxels} voxels${right}\n`;
    }),
  );
  const hasFailed = findings.some(({ result }) => result === "fail");
  return [
    `\n${phase}: ${seconds.toFixed(1)} s${peak}\n`,
    findingsText(findings),
    ...labels,
    ...(hasFailed ? log.map((line) => `  | ${line}\n`) : []),
  ].join("");
}
