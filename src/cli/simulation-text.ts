import { counted } from "../../processor/contract/counted.js";
import type { Finding } from "../ground/finding.js";
import { inGibibytes } from "../targets/simulate/check-run.js";
import type { PhaseResult, Segmentation } from "../targets/simulate/phase-result.js";
import type { SimulationReport } from "../targets/simulate/simulate.js";
import { findingsText, type TextStyle, wrapped } from "./findings-text.js";

/** Describes a simulation for people: its runs, what they wrote, the logs of failed runs, and each check once. */
export function simulationText(report: SimulationReport, style: TextStyle): string {
  const { engine, memoryBytes, peakMemoryBytes, findings, phases } = report;
  const peak = peakMemoryBytes === null ? "unknown" : inGibibytes(peakMemoryBytes);
  const all = [
    ...findings.map((finding) => ({ finding, phase: null })),
    ...phases.flatMap(({ phase, findings: own }) => own.map((finding) => ({ finding, phase }))),
  ];
  return [
    `image        ${report.image}\n`,
    `             ${shortDigest(report.imageId)}\n`,
    `run as       ${report.target}, ${inGibibytes(memoryBytes)} of memory\n`,
    `engine       ${engine}\n`,
    `peak memory  ${peak}\n\n`,
    ...phases.map(phaseLine),
    ...segmentationLines(phases, style),
    ...phases.flatMap(logLines),
    "\n",
    findingsText(mergeFindings(all), style),
  ].join("");
}

/** `sha256:` and twelve digits, as Docker shows an image. */
const shortDigest = (digest: string): string => digest.slice(0, "sha256:".length + 12);

function phaseLine({ phase, seconds, peakMemoryBytes, findings }: PhaseResult): string {
  const peak = peakMemoryBytes === null ? "" : inGibibytes(peakMemoryBytes);
  const failed = findings.filter(({ result }) => result === "fail").length;
  const checks = counted(findings.length, "check");
  const outcome = failed === 0 ? `${checks}, none failed` : `${failed} of ${checks} failed`;
  return `${phase.padEnd(12)} ${`${seconds.toFixed(1)} s`.padStart(9)}  ${peak.padStart(9)}  ${outcome}\n`;
}

/** Shows what several runs wrote in the same way once. */
function segmentationLines(phases: readonly PhaseResult[], style: TextStyle): readonly string[] {
  const written = new Map<string, string[]>();
  for (const { phase, segmentations } of phases)
    for (const segmentation of segmentations) {
      const text = segmentationText(segmentation);
      written.set(text, [...(written.get(text) ?? []), phase]);
    }
  if (written.size === 0) return [];
  const lines = [...written].map(([text, names]) => `${text}  (${names.join(", ")})`);
  return ["\n", ...lines.map((line) => `${wrapped(line, 2, style).join("\n  ")}\n`)];
}

function segmentationText({ caseName, labels }: Segmentation): string {
  const values = labels
    .filter(({ label }) => label !== 0)
    .map(
      ({ label, voxels, dice }) =>
        `label ${label}: ${voxels} voxels${dice === null ? "" : `, Dice ${dice.toFixed(4)}`}`,
    );
  return `${caseName}  ${values.join("; ") || "background only"}`;
}

function logLines({ phase, findings, log }: PhaseResult): readonly string[] {
  // The log does not explain a different answer.
  const hasFailed = findings.some(({ check, result }) => result === "fail" && check !== "expected");
  if (log.length === 0 || !hasFailed) return [];
  return [`\nend of the log of ${phase}:\n`, ...log.map((line) => `  | ${line}\n`)];
}

interface PhaseFinding {
  readonly finding: Finding;
  /** Null for a finding about the image itself. */
  readonly phase: string | null;
}

/**
 * Merges findings into one for each check and result, with the names of its runs. If several runs pass, the reason of the
 * last one is shown, because it includes the peak memory. Every distinct failure is kept.
 */
function mergeFindings(all: readonly PhaseFinding[]): readonly Finding[] {
  const merged = new Map<string, { readonly finding: Finding; readonly phases: string[] }>();
  for (const { finding, phase } of all) {
    const { check, result, reason } = finding;
    const key = JSON.stringify(result === "pass" ? [check, result] : [check, result, reason]);
    const phases = merged.get(key)?.phases ?? [];
    merged.set(key, { finding, phases });
    if (phase !== null && !phases.includes(phase)) phases.push(phase);
  }
  return [...merged.values()].map(({ finding, phases }) =>
    phases.length === 0 || finding.result === "pass"
      ? finding
      : { ...finding, reason: `${finding.reason} (${phases.join(", ")})` },
  );
}
