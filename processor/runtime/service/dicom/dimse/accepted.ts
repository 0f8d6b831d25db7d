import { sopClassKind } from "../../../../imaging/dicom/sop-classes.js";
import { transferSyntaxOf } from "../../../../imaging/dicom/transfer-syntaxes.js";
import type { AnsweredContext, OfferedContext } from "./association-units.js";

export const verification = "1.2.840.10008.1.1";

/**
 * Answers an offer: images that can be segmented and objects about them are taken, in the first transfer syntax that this
 * program decodes.
 */
export function answerTo({ id, abstractSyntax, transferSyntaxes }: OfferedContext): AnsweredContext {
  const [fallback = ""] = transferSyntaxes;
  const isKnown = abstractSyntax === verification || sopClassKind(abstractSyntax) !== "unsupported";
  if (!isKnown) return { id, result: 3, transferSyntax: fallback };
  const found = transferSyntaxes.find((uid) => transferSyntaxOf(uid).codec !== null);
  return found === undefined
    ? { id, result: 4, transferSyntax: fallback }
    : { id, result: 0, transferSyntax: found };
}
