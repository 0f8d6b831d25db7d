import parse from "spdx-expression-parse";

/**
 * A licence as SPDX writes it, also where only the spelling differs (`CC BY-SA 4.0`); null when it is none of SPDX's.
 *
 * @example spdxExpression("CC BY-SA 4.0") // "CC-BY-SA-4.0"
 */
export function spdxExpression(text: string): string | null {
  return [text.trim(), text.trim().replaceAll(" ", "-")].find(isExpression) ?? null;
}

function isExpression(text: string): boolean {
  try {
    parse(text);
    return !/LicenseRef-|DocumentRef-/.test(text); // names something that this document does not have
  } catch {
    return false;
  }
}
