import type { InferredOptionTypes } from "yargs";
import { builderError } from "../../ground/errors/builder-errors.js";
import { examineMachine } from "../../inspect/doctor.js";
import { cacheFolderOrNull } from "../../model-source/cache-folder.js";
import type { CommandSession } from "../command-session.js";
import { findingsText } from "../findings-text.js";
import type { doctorOptions } from "../options/image-options.js";

type DoctorArguments = InferredOptionTypes<typeof doctorOptions>;

/**
 * `build_processor doctor`: checks whether this machine can build and run images.
 *
 * @throws MACHINE_UNFIT if a check fails, after printing the report
 */
export async function runDoctor(args: DoctorArguments, session: CommandSession): Promise<number> {
  const { terminal, signal } = session;
  const report = await examineMachine({
    device: args.device,
    cuda: args.cuda ?? null,
    cacheFolder: cacheFolderOrNull(terminal.environment),
    environment: terminal.environment,
    signal,
  });
  terminal.out(args.json ? `${JSON.stringify(report, null, 2)}\n` : findingsText(report.findings, terminal));
  if (report.isFit) return 0;
  const failed = report.findings.filter(({ result }) => result === "fail").map(({ check }) => check);
  throw builderError("MACHINE_UNFIT", failed.join(", "));
}
