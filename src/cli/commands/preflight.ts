import type { InferredOptionTypes } from "yargs";
import { ProcessorError } from "../../../processor/errors.js";
import { absoluteImageFile } from "../../image/image-file.js";
import { preflight } from "../../targets/preflight.js";
import type { CommandSession } from "../command-session.js";
import { findingsText } from "../findings-text.js";
import type { preflightOptions } from "../options/image-options.js";

type PreflightArguments = InferredOptionTypes<typeof preflightOptions> & { readonly image: string };

/**
 * `build_processor preflight IMAGE`: what the platform will say, before the upload.
 *
 * @throws ARCHIVE_REFUSED when a check fails, after the report was printed
 */
export async function runPreflight(args: PreflightArguments, session: CommandSession): Promise<number> {
  const { terminal, signal } = session;
  const report = await preflight({
    image: await absoluteImageFile(args.image, terminal.currentDirectory),
    target: args.target ?? null,
    environment: terminal.environment,
    uploadedDigests: args.uploaded ?? [],
    signal,
  });
  terminal.out(args.json ? `${JSON.stringify(report, null, 2)}\n` : findingsText(report.findings, terminal));
  if (report.isAccepted) return 0;
  const failed = report.findings.filter(({ result }) => result === "fail").map(({ check }) => check);
  throw new ProcessorError("ARCHIVE_REFUSED", `${args.image}: ${failed.join(", ")}`);
}
