import type { DataSet, Tag } from "./data-set.js";
import { decodeText } from "./decode-text.js";

/**
 * Returns the text of an element in the character sets of its data set, without padding; null if it is absent or empty.
 * Bytes that are not in the set become U+FFFD. Several values stay joined by backslashes, and the groups of a name by `=`.
 */
export function textOf(dataSet: DataSet, tag: Tag): string | null {
  const element = dataSet.element(tag);
  if (element === null || element.value.length === 0) return null;
  const isPersonName = element.vr === "PN" || namesOfPersons.has(tag);
  return (
    decodeText(element.value, dataSet.characterSets, { isPersonName }).replace(/^ +|[ \0]+$/g, "") || null
  );
}

/** Names, which a file in implicit VR does not mark as such: of the patient, and of the physicians. */
const namesOfPersons: ReadonlySet<Tag> = new Set([
  0x00100010, 0x00080090, 0x00081048, 0x00081050, 0x00081070,
]);
