import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { changeTrainer } from "../../nnunet/model-files/change-trainer.js";
import type { CommandSession } from "../command-session.js";
import { jsonText } from "../json-text.js";
import type { changeTrainerOptions } from "../options/model-file-options.js";

type ChangeTrainerArguments = InferredOptionTypes<typeof changeTrainerOptions> & { readonly folder: string };

/** `build_processor change-trainer`: gives a v1 model another trainer's name. */
export async function runChangeTrainer(
  args: ChangeTrainerArguments,
  { terminal, currentDirectory }: CommandSession,
): Promise<number> {
  const files = await changeTrainer(resolve(currentDirectory, args.folder), args.trainer);
  terminal.out(
    args.json
      ? jsonText({ trainer: args.trainer, files })
      : files.map((file) => `changed  ${file}\n`).join(""),
  );
  return 0;
}
