import type { Command } from "./command.js";

/** Returns every flag that a command takes, with its dashes: `--output`, `-o`, `--no-attest`. */
export function commandFlags({ options }: Pick<Command, "options">): ReadonlySet<string> {
  const flags = Object.entries(options).flatMap(([name, { alias = [], type }]) => [
    ...[name, ...[alias].flat()].map((word) => (word.length === 1 ? `-${word}` : `--${word}`)),
    ...(type === "boolean" ? [`--no-${name}`] : []),
  ]);
  return new Set([...flags, "--help", "-h", "--version", "-V"]);
}
