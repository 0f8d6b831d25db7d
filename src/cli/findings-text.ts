import { cleanLine } from "../../processor/contract/progress/log-lines.js";
import type { Finding } from "../ground/finding.js";
import type { Terminal } from "./terminal.js";

/** How text is laid out: on a terminal it is coloured and wrapped, in a file it is neither. */
export type TextStyle = Pick<Terminal, "hasColour" | "columns">;

/** ANSI's colours: green, red, yellow, grey. */
const colours: Readonly<Record<Finding["result"], number>> = {
  pass: 32,
  fail: 31,
  warning: 33,
  "not-checked": 90,
};
const order = ["pass", "not-checked", "warning", "fail"] as const satisfies Finding["result"][];

/** Findings for people, one line each, remedies below. Failures come last, where a terminal stops scrolling. */
export function findingsText(findings: readonly Finding[], style: TextStyle): string {
  const width = Math.max(...findings.map(({ check }) => check.length)) + 2;
  return order
    .flatMap((result) => findings.filter((finding) => finding.result === result))
    .map((finding) => findingText(finding, width, style))
    .join("");
}

const resultWidth = 13;

function findingText({ check, result, reason, remedy }: Finding, width: number, style: TextStyle): string {
  const indent = " ".repeat(resultWidth + width);
  const head = `${coloured(result.padEnd(resultWidth), colours[result], style)}${check.padEnd(width)}`;
  const lines = wrapped(cleanLine(reason), indent.length, style);
  const isTooWide = style.hasColour && indent.length + lines[0]!.length > style.columns;
  const [first, rest] = isTooWide ? ["", lines] : [lines[0], lines.slice(1)];
  const below = [...rest, ...(remedy === null ? [] : wrapped(cleanLine(remedy), indent.length, style))];
  return [`${head}${first}`.trimEnd(), ...below.map((line) => inColumn(line, indent, style))]
    .map((line) => `${line}\n`)
    .join("");
}

/** A word that is wider than the column, such as a digest, begins further left, so that the terminal does not cut it. */
function inColumn(line: string, indent: string, { hasColour, columns }: TextStyle): string {
  const width = Math.min(indent.length, columns - line.length);
  return `${hasColour ? " ".repeat(Math.max(0, width)) : indent}${line}`;
}

const coloured = (text: string, colour: number, { hasColour }: TextStyle): string =>
  hasColour ? `\u001b[${colour}m${text}\u001b[39m` : text;

/** A narrower column would hold one word per line. */
const narrowest = 20;

/** The lines of a text on a terminal. In a file it stays one line, so that it can be searched. */
export function wrapped(text: string, indent: number, { hasColour, columns }: TextStyle): readonly string[] {
  if (!hasColour) return [text];
  const width = Math.max(narrowest, columns - indent);
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A text for a terminal: no word is cut at its edge, and further lines begin where the first one does. */
export function wrappedForTerminal(text: string, columns: number): string {
  const lines = text.split("\n").flatMap((line) => {
    const indent = /^ */.exec(line)![0];
    const parts = wrapped(line.slice(indent.length), indent.length, { hasColour: true, columns });
    return parts.map((part) => `${indent}${part}`);
  });
  return lines.join("\n");
}
