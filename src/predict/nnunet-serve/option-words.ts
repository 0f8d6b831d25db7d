import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { ServeOptionName } from "./options.js";
import type { ServeWords } from "./parse-arguments.js";

/** @throws USAGE if an option is given without another one, without which it would have no effect */
export function requireOther(words: ServeWords, name: ServeOptionName, other: ServeOptionName): void {
  if (words.has(name) && !words.has(other))
    throw sharedError("USAGE", `--${name} has no effect without --${other}`);
}

/**
 * Returns a number from 0 to 1; null if the option is not given.
 *
 * @throws USAGE
 */
export function shareWord(words: ServeWords, name: ServeOptionName): number | null {
  const text = words.get(name)?.[0];
  if (text === undefined) return null;
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw sharedError("USAGE", `--${name} must be a number from 0 to 1, but is ${text}`);
}

/**
 * Returns one of several words; the first is the default.
 *
 * @throws USAGE
 */
export function choiceWord<const Word extends string>(
  words: ServeWords,
  name: ServeOptionName,
  allowed: readonly [Word, ...Word[]],
): Word {
  const text = words.get(name)?.[0] ?? allowed[0];
  const found = allowed.find((word) => word === text);
  if (found !== undefined) return found;
  throw sharedError("USAGE", `--${name} ${text}: it takes ${allowed.join(" or ")}`);
}

/**
 * Returns the ending of the names of results; null if the option is not given. The name of a file must not leave its folder.
 *
 * @throws USAGE
 */
export function suffixWord(words: ServeWords): string | null {
  const text = words.get("suffix")?.[0];
  if (text === undefined) return null;
  if (/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(text)) return text;
  throw sharedError(
    "USAGE",
    `--suffix ${text}: only letters, digits, ".", "_" and "-" can be in it, and no dot at its start`,
  );
}
