import { serveCommand, serveHelp } from "../predict/nnunet-serve/options.js";
import { parseServeArguments } from "../predict/nnunet-serve/parse-arguments.js";
import type { ParsedCommand } from "./parsed-command.js";

/** Returns whether a command line is nnunet_serve's, whose options yargs would read differently. */
export const isServeCommand = ([first, second]: readonly string[]): boolean =>
  first === serveCommand || (first === "help" && second === serveCommand);

/** @throws USAGE */
export async function serveCommandLine([first, ...argv]: readonly string[]): Promise<ParsedCommand> {
  if (first === "help" || argv.includes("--help") || argv.includes("-h"))
    return { kind: "text", text: serveHelp };
  // Finds mistakes before the program is loaded.
  parseServeArguments(argv);
  const { runPredictNnunetServe } = await import("./commands/predict-nnunet-serve.js");
  return { kind: "command", run: (session) => runPredictNnunetServe(argv, session) };
}
