import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { absoluteImageFile } from "../../oci/image-file.js";
import { simulate } from "../../targets/simulate/simulate.js";
import type { CommandSession } from "../command-session.js";
import { jsonText } from "../json-text.js";
import type { simulateOptions } from "../options/image-options.js";
import { simulationText } from "../simulation-text.js";

type SimulateArguments = InferredOptionTypes<typeof simulateOptions> & { readonly image: string };

/**
 * `build_processor simulate IMAGE`: runs the image as the platform will.
 *
 * @throws SIMULATION_FAILED or ANSWER_DIFFERS if a check fails, after printing the report
 */
export async function runSimulate(args: SimulateArguments, session: CommandSession): Promise<number> {
  const { terminal, progress, signal } = session;
  const path = (word: string): string => resolve(terminal.currentDirectory, word);
  if (!(args.timeout > 0))
    throw sharedError("USAGE", `--timeout must be greater than 0, but is ${args.timeout}`);
  if (!(args["min-dice"] >= 0 && args["min-dice"] <= 1))
    throw sharedError("USAGE", `--min-dice must be from 0 to 1, but is ${args["min-dice"]}`);
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
    environment: terminal.environment,
    progress,
    signal,
  });
  terminal.out(args.json ? jsonText(report) : simulationText(report, terminal));
  if (report.isAccepted) return 0;
  const failed = [report, ...report.phases]
    .flatMap(({ findings }) => findings)
    .filter(({ result }) => result === "fail");
  const checks = [...new Set(failed.map(({ check }) => check))];
  const isAnswerOnly = checks.every((check) => check === "expected");
  throw builderError(
    isAnswerOnly ? "ANSWER_DIFFERS" : "SIMULATION_FAILED",
    `${args.image}: ${isAnswerOnly ? "the segmentations differ from the expected ones" : checks.join(", ")}`,
  );
}

const units: Readonly<Record<string, number>> = { m: 1024 ** 2, g: 1024 ** 3 };

/** The least memory that can be asked for: the platform keeps 1 GiB, and the program needs the rest to start. */
const leastMemoryBytes = 1.25 * 1024 ** 3;

/** Parses `8g` or `2048m`, as Docker's --memory does. */
function memoryBytes(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([mg])b?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(digits) * (units[unit?.toLowerCase() ?? ""] ?? Number.NaN));
  if (bytes >= leastMemoryBytes) return bytes;
  throw sharedError("USAGE", `--memory ${text}: write 8g or 2048m, at least 1280m`);
}
