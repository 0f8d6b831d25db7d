import type { InferredOptionTypes } from "yargs";
import { withPagePaths } from "../../ground/files/page-path.js";
import { inspectSource } from "../../inspect/inspect-source.js";
import type { Inspection } from "../../inspect/inspection.js";
import { sourceContext } from "../../models/obtain-model.js";
import type { CommandSession } from "../command-session.js";
import { inspectionText } from "../inspection-text.js";
import { nvidiaArguments } from "../nvidia-arguments.js";
import type { inspectOptions } from "../options/image-options.js";

type InspectArguments = InferredOptionTypes<typeof inspectOptions> & { readonly model: string };

/** `build_processor inspect MODEL`: shows what is in a model or image, without converting or running it. */
export async function runInspect(args: InspectArguments, session: CommandSession): Promise<number> {
  const { terminal } = session;
  const inspection = await inspectSource(args.model, {
    ...session,
    openContext: () => sourceContext(args["zenodo-url"] ?? null, session),
    nvidia: await nvidiaArguments(args, terminal),
  });
  const shown = withOpenPages(inspection, terminal.currentDirectory);
  terminal.out(args.json ? `${JSON.stringify(shown, null, 2)}\n` : inspectionText(shown));
  return 0;
}

/** Names the pages of remedies by paths that can be opened. */
const withOpenPages = (inspection: Inspection, currentDirectory: string): Inspection =>
  JSON.parse(JSON.stringify(inspection), (key, value: unknown) =>
    key === "help" && typeof value === "string" ? withPagePaths(value, currentDirectory) : value,
  ) as Inspection;
