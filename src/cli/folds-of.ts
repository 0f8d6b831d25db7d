import { sharedError } from "../../processor/contract/shared-errors.js";

/**
 * Returns the folds that a command line names, each once.
 *
 * @throws USAGE for a word that is neither a number nor `all`
 */
export function foldsOf(words: readonly string[]): readonly (number | "all")[] {
  const folds = words.map((word) => {
    if (word === "all") return "all";
    if (/^\d{1,3}$/.test(word)) return Number(word);
    throw sharedError("USAGE", `--folds are numbers or all, not ${word}`);
  });
  return [...new Set(folds)];
}
