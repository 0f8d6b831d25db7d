import type { DicomJsonElement } from "../json/dicom-json.js";

/**
 * Returns whether an attribute has a value of a query (PS3.4, C.2.2.2): the same text, a text with `*` and `?`, one UID of
 * several, or a date or time in a range. Texts are compared without regard to case, because nobody remembers the case of a name.
 */
export function matchesValue(element: DicomJsonElement | undefined, vr: string, wanted: string): boolean {
  if (wanted === "" || wanted === "*") return true;
  const texts = (element?.Value ?? []).map(textOf);
  if (vr === "UI") {
    const uids = wanted.split(/[,\\]/);
    return texts.some((text) => uids.includes(text));
  }
  if (["DA", "TM", "DT"].includes(vr) && wanted.includes("-")) {
    const [from = "", to = ""] = wanted.split("-");
    // A shorter time begins earlier and ends later: 12 is from 120000 to 125959.
    return texts.some((text) => text !== "" && text >= from && (to === "" || text.slice(0, to.length) <= to));
  }
  return texts.some((text) => matchesWildcards(text.toLowerCase(), wanted.toLowerCase()));
}

function textOf(value: unknown): string {
  if (typeof value === "object" && value !== null)
    return String((value as { readonly Alphabetic?: string }).Alphabetic ?? "");
  return value === null || value === undefined ? "" : String(value);
}

/** Takes time in proportion to the product of the lengths at most, unlike a regular expression. */
export function matchesWildcards(text: string, pattern: string): boolean {
  let star = -1;
  let resume = 0;
  let p = 0;
  for (let t = 0; t < text.length; ) {
    if (p < pattern.length && (pattern[p] === "?" || (pattern[p] === text[t] && pattern[p] !== "*"))) {
      p++;
      t++;
    } else if (pattern[p] === "*") {
      star = p++;
      resume = t;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}
