import type { FlagMeaning } from "./flag-meaning.js";
import { nnunetFlags } from "./translate-command.js";

/** What an option of nnU-Net is here: `--output`, `the first word`. */
export function meaningOf({ here, reason, value, skips, leavesOut }: FlagMeaning): string {
  if (reason !== undefined) return reason;
  if (skips !== undefined) return `leave ${skips} out`;
  if (leavesOut !== undefined) return `leave --${leavesOut} out`;
  if (typeof here === "number") return here === 0 ? "the first word" : "the second word";
  if (typeof here === "string") return `--${here}${value === undefined ? "" : ` ${value}`}`;
  return "part of the path of the model's folder";
}

/** Returns one line for each option of a command of nnU-Net. */
export function flagLines(name: string): readonly string[] {
  const flags = nnunetFlags[name] ?? [];
  const titles = flags.map(({ names }) => names.join(", "));
  const widest = Math.max(0, ...titles.map((title) => title.length));
  return flags.map((flag, i) => `  ${titles[i]!.padEnd(widest)}  ${meaningOf(flag)}`);
}
