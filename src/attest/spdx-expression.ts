import parse from "spdx-expression-parse";

/**
 * Returns a licence in SPDX's spelling (`CC BY-SA 4.0` is accepted as well); null if it is not one of SPDX's.
 *
 * @example spdxExpression("CC BY-SA 4.0") // "CC-BY-SA-4.0"
 */
export function spdxExpression(text: string): string | null {
  return [text.trim(), text.trim().replaceAll(" ", "-")].find(isExpression) ?? null;
}

function isExpression(text: string): boolean {
  try {
    parse(text);
    // would refer to something that this document does not contain
    return !/LicenseRef-|DocumentRef-/.test(text);
  } catch {
    return false;
  }
}
