import { cleanLine } from "../../processor/contract/progress/log-lines.js";
import type { Finding } from "../ground/finding.js";
import type { Terminal } from "./terminal.js";

/** The style of a text: it is coloured and wrapped on a terminal, but not in a file. */
export type TextStyle = Pick<Terminal, "hasColour" | "columns">;

/** ANSI's colours: green, red, yellow, grey. */
const colours: Readonly<Record<Finding["result"], number>> = {
  pass: 32,
  fail: 31,
  warning: 33,
  "not-checked": 90,
};
const order = ["pass", "not-checked", "warning", "fail"] as const satisfies Finding["result"][];

/** Formats findings for people, with remedies below them. Failures come last, so that they stay visible on a terminal. */
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

/** Indents a line. A word that is wider than the column, such as a digest, starts further left, so that it is not cut. */
function inColumn(line: string, indent: string, { hasColour, columns }: TextStyle): string {
  const width = Math.min(indent.length, columns - line.length);
  return `${hasColour ? " ".repeat(Math.max(0, width)) : indent}${line}`;
}

const coloured = (text: string, colour: number, { hasColour }: TextStyle): string =>
  hasColour ? `\u001b[${colour}m${text}\u001b[39m` : text;

/** The narrowest column; a narrower one would have only one word per line. */
const narrowest = 20;

/** Splits a text into lines for a terminal. For a file it stays one line, so that it can be searched. */
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

/** Wraps a text for a terminal between words; further lines are indented like the first. */
export function wrappedForTerminal(text: string, columns: number): string {
  const lines = text.split("\n").flatMap((line) => {
    const indent = /^ */.exec(line)![0];
    const parts = wrapped(line.slice(indent.length), indent.length, { hasColour: true, columns });
    return parts.map((part) => `${indent}${part}`);
  });
  return lines.join("\n");
}
