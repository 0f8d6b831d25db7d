import { cleanLine } from "../../processor/progress/log-lines.js";
import type { Finding } from "../targets/finding.js";
import type { Terminal } from "./terminal.js";

/** How text is laid out: on a terminal it is coloured and broken at the edge, in a file it is neither. */
export type TextStyle = Pick<Terminal, "hasColour" | "columns">;

/** ANSI's colours: green, red, yellow, grey. */
const colours: Readonly<Record<Finding["result"], number>> = {
  pass: 32,
  fail: 31,
  warning: 33,
  "not-checked": 90,
};
const order = ["pass", "not-checked", "warning", "fail"] as const satisfies Finding["result"][];

/** Findings for people, one line each, remedies below; what fails comes last, where a terminal stops. */
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
  const [first, ...rest] = wrapped(cleanLine(reason), indent.length, style);
  const below = [...rest, ...(remedy === null ? [] : wrapped(cleanLine(remedy), indent.length, style))];
  return [`${head}${first}`, ...below.map((line) => `${indent}${line}`)].map((line) => `${line}\n`).join("");
}

const coloured = (text: string, colour: number, { hasColour }: TextStyle): string =>
  hasColour ? `\u001b[${colour}m${text}\u001b[39m` : text;

/** Narrower columns would hold a word a line. */
const narrowest = 20;

/** A file keeps each text on one line, so that it can be searched. */
function wrapped(text: string, indent: number, { hasColour, columns }: TextStyle): readonly string[] {
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
