import { sharedError } from "../../../processor/contract/shared-errors.js";
import { answerToNnunetName, type NnunetName } from "../nnunet-names.js";
import type { ParsedCommand } from "../parsed-command.js";
import { flagLines } from "./flags-text.js";
import { translateCommand } from "./translate-command.js";

/**
 * Answers a command line of nnU-Net: with `--help` by what each of its options is here, else by the same command line here.
 *
 * @throws USAGE without `--help`
 */
export function answerToNnunet(found: NnunetName, words: readonly string[]): ParsedCommand {
  const answer = answerToNnunetName(found);
  const others = words.slice(words.indexOf(found.name) + 1);
  if (words.some((word) => ["help", "--help", "-h"].includes(word)))
    return { kind: "text", text: [answer, "", ...flagLines(found.name), ""].join("\n") };
  if (others.length === 0 || found.here === null) throw sharedError("USAGE", answer);
  const { lines, notes } = translateCommand(found.name, found.here, others);
  const shown = [...lines.map((line) => `build_processor ${line}`), ...notes];
  throw sharedError("USAGE", [answer, ...shown.map((line) => `  ${line}`)].join("\n"));
}
