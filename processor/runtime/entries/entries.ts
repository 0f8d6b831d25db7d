import { sharedError } from "../../contract/shared-errors.js";
import { type Target, type TargetKind, type TargetOf, targetKinds } from "../../contract/target.js";
import { amos22 } from "./amos22/amos22.js";
import type { Entry, EntryContext } from "./entry.js";
import { grandChallenge } from "./grand-challenge/grand-challenge.js";
import { plain } from "./plain/plain.js";
import { sol } from "./sol/sol.js";

/** The entry of each platform. The rest of the program does not know platforms by name. */
const entries: { readonly [K in TargetKind]: Entry<TargetOf<K>> } = {
  [grandChallenge.kind]: grandChallenge,
  amos22,
  sol,
  plain,
};

export const entryOf = (kind: TargetKind): Entry => entries[kind];

/**
 * Runs the image as its target requires.
 *
 * @returns the exit code
 * @throws a ProcessorError that stops the whole run
 */
export async function runEntry(target: Target, context: EntryContext): Promise<number> {
  const entry = entryOf(target.kind);
  if (context.apiMethod !== null && !entry.takesApiMethod) {
    const takers = targetKinds.filter((kind) => entryOf(kind).takesApiMethod).join(" or ");
    throw sharedError("USAGE", `${context.apiMethod} is for images of ${takers}; this one is ${target.kind}`);
  }
  return entry.run(target, context);
}
