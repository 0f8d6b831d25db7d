import { ProcessorError } from "../../../processor/contract/errors.js";
import type { Progress } from "../../../processor/contract/progress/progress.js";
import type { ContainerEnd, OutputListener } from "../../docker/sandbox/container-run.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { type ErrorCode, errorCatalogue } from "../../ground/errors/catalogue.js";

/** Shows a container's log line by line. Its error becomes this program's own, so it is left out, and so are the remedies after it. */
export function relayOutput(progress: Progress): OutputListener {
  const kept = { stdout: "", stderr: "" };
  let hasFailed = false;
  return (stream, text) => {
    const lines = (kept[stream] + text).split("\n");
    kept[stream] = lines.pop()!;
    for (const line of lines) {
      // A remedy comes after its error.
      hasFailed ||= codeIn(line) !== null;
      if (!hasFailed && line.trim() !== "" && !isOfReport(line)) progress.note(line);
    }
  };
}

/** A report in JSON has an indent, or is a bracket. */
const isOfReport = (line: string): boolean => /^[{}\s[\]]/.test(line);

/** The code at the start of a program's last line: `error USAGE: …`, or `USAGE: …` in an image with a model. */
function codeIn(line: string): ErrorCode | null {
  const code = /^(?:error )?([A-Z][A-Z_]+):/.exec(line)?.[1] ?? "";
  return Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : null;
}

/** Returns the error of a container that has failed: the one that it reported, or what ended it. */
export function failureOf(image: string, { exitCode, isOutOfMemory, log }: ContainerEnd): ProcessorError {
  const reported = log.lastLines.findLast((line) => codeIn(line) !== null);
  const code = reported === undefined ? null : codeIn(reported);
  if (reported !== undefined && code !== null) {
    const message = reported.replace(/^(?:error )?[A-Z_]+: /, "");
    return new ProcessorError(code, errorCatalogue[code], `in ${image}: ${message}`);
  }
  const end = isOutOfMemory ? "memory ran out" : `it ended with exit code ${exitCode}`;
  const last = log.lastErrorLine ?? log.lastLines.at(-1) ?? "it wrote nothing";
  return builderError("ENGINE_FAILED", `running ${image}: ${end}; ${last}`);
}
