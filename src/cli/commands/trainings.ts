import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { CommandSession } from "../command-session.js";
import type { trainingsOptions } from "../options/trainings-options.js";
import { type ListedTraining, listTrainings } from "../trainings/list-trainings.js";
import { trainingsText } from "../trainings/training-text.js";
import { foldersFor } from "./nnunet-datasets.js";

type TrainingsArguments = InferredOptionTypes<typeof trainingsOptions> & {
  readonly datasets?: readonly string[];
};

/** `build_processor trainings`: shows how far trainings are, as a table or as a page. */
export async function runTrainings(args: TrainingsArguments, session: CommandSession): Promise<number> {
  const { terminal } = session;
  const words = [...(args.datasets ?? []), ...(args.dataset ?? [])].map(String);
  const folders = foldersFor(args, terminal);
  const list = (): Promise<readonly ListedTraining[]> => listTrainings(folders, words);
  const trainings = await list();
  if (args.serve) return servePage(args, list, session);
  if (args.json) terminal.out(`${JSON.stringify(trainings, null, 2)}\n`);
  else
    terminal.out(
      trainings.length === 0
        ? `nothing was trained in ${folders.results} yet\n`
        : trainingsText(trainings, Date.now()),
    );
  return 0;
}

async function servePage(
  { port, json }: TrainingsArguments,
  list: () => Promise<readonly ListedTraining[]>,
  { terminal, progress, signal }: CommandSession,
): Promise<number> {
  if (json) throw sharedError("USAGE", "--json prints the trainings once, and --serve shows them in a page");
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw sharedError("USAGE", `--port is a number from 0 to 65535, not ${port}`);
  const { serveTrainings } = await import("../trainings/serve-trainings.js");
  const server = await serveTrainings({
    port,
    list,
    onTrouble: (error) => progress.note(`error: ${(error as Error).message}`),
  });
  terminal.out(`${server.address}\n`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await server.close();
  return 0;
}
