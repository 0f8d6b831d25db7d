import type { InferredOptionTypes } from "yargs";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { Finding } from "../../ground/finding.js";
import { absoluteImageFile } from "../../oci/image-file.js";
import { preflight } from "../../targets/preflight/preflight.js";
import type { CommandSession } from "../command-session.js";
import { findingsText } from "../findings-text.js";
import type { preflightOptions } from "../options/image-options.js";

type PreflightArguments = InferredOptionTypes<typeof preflightOptions> & { readonly image: string };

/**
 * `build_processor preflight IMAGE`: runs the platform's checks before the upload.
 *
 * @throws ARCHIVE_REFUSED if a check fails, after printing the report
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
  throw builderError("ARCHIVE_REFUSED", `${args.image}: ${refusalText(report.findings)}`);
}

/** Says why an archive is refused: the reason of each check that fails, or which checks could not be made. */
function refusalText(findings: readonly Finding[]): string {
  const failed = findings.filter(({ result }) => result === "fail");
  if (failed.length > 0) return failed.map(({ check, reason }) => `${check}: ${reason}`).join("; ");
  const unchecked = findings.filter(({ result }) => result === "not-checked");
  return `not checked: ${unchecked.map(({ check }) => check).join(", ")}`;
}
