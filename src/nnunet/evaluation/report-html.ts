import { escapedMarkup } from "../../ground/escaped-markup.js";
import type { Evaluation } from "./evaluate.js";
import { meanRows, tableRows } from "./table.js";

/** Returns a page with a plot and a table, which needs nothing from a network. */
export function reportHtml(evaluation: Evaluation): string {
  const rows = tableRows(evaluation);
  const { summary, labelNames } = evaluation;
  const plots = labelNames.map((label) =>
    plotRow(
      label,
      rows.filter((row) => row.label === label).map(({ values }) => values["Dice"]!),
    ),
  );
  const means = meanRows(evaluation);
  const meanColumns = Object.keys(means[0]?.values ?? {});
  const meanCells = means.map(({ label, values }) => [
    escapedMarkup(label),
    ...meanColumns.map((column) => shown(values[column]!)),
  ]);
  const columns = Object.keys(rows[0]?.values ?? {});
  const cells = rows.map(({ caseName, label, values }) => [
    escapedMarkup(caseName),
    escapedMarkup(label),
    ...columns.map((column) => (counts.has(column) ? String(values[column]) : shown(values[column]!))),
  ]);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Evaluation</title>
<style>${style}</style>
<main>
<h1>Evaluation</h1>
<p>${rows.length === 0 ? 0 : rows.length / labelNames.length} cases. Foreground mean: Dice ${shown(summary.foregroundMean.Dice)}, IoU ${shown(summary.foregroundMean.IoU)}.</p>
<h2>Dice of each case</h2>
${plots.join("\n")}
<h2>Means</h2>
${table("Means", ["label", ...meanColumns], meanCells)}
<h2>Cases</h2>
${table("Cases", ["case", "label", ...columns], cells)}
</main>
</html>
`;
}

/** The columns of whole numbers of voxels. */
const counts: ReadonlySet<string> = new Set(["TP", "FP", "FN", "TN"]);

const style = `body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1b1b1b;background:#fff}
div{overflow-x:auto}table{border-collapse:collapse}th,td{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #ddd;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}figure{margin:.5rem 0}figcaption{font-size:.9rem}
svg{max-width:100%;height:auto}
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}th,td{border-color:#444}svg{color:#eee}}`;

const width = 640;
const left = 20;
const right = width - 20;

/** Draws one dot for each case from 0 to 1, and a line at the median. */
function plotRow(label: string, values: readonly number[]): string {
  const valid = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b);
  const x = (value: number): string => (left + value * (right - left)).toFixed(1);
  const dots = valid.map(
    (value, i) =>
      `<circle cx="${x(value)}" cy="${14 + (i % 3) * 7}" r="3.5" fill="#0072b2" fill-opacity=".6"/>`,
  );
  const median = valid[Math.floor(valid.length / 2)];
  const line =
    median === undefined
      ? ""
      : `<line x1="${x(median)}" x2="${x(median)}" y1="4" y2="38" stroke="#d55e00" stroke-width="2"/>`;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (value) =>
      `<line x1="${x(value)}" x2="${x(value)}" y1="40" y2="44" stroke="currentColor"/><text x="${x(value)}" y="56" font-size="10" text-anchor="middle" fill="currentColor">${value}</text>`,
  );
  const without = values.length - valid.length;
  const note = without === 0 ? "" : `, ${without} without the label`;
  return `<figure><figcaption>${escapedMarkup(label)}: median ${median === undefined ? "none" : shown(median)}${note}</figcaption>
<svg viewBox="0 0 ${width} 60" width="${width}" role="img" aria-label="Dice of each case for ${escapedMarkup(label)}"><line x1="${left}" x2="${right}" y1="40" y2="40" stroke="currentColor"/>${ticks.join("")}${dots.join("")}${line}</svg></figure>`;
}

/** Draws a table in a box that scrolls, also with the keyboard, if the window is narrow. */
const table = (
  title: string,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): string => `<div tabindex="0" role="group" aria-label="${title}"><table><thead><tr>${heads.map((head) => `<th scope="col">${escapedMarkup(head)}</th>`).join("")}</tr></thead><tbody>
${rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join("")}</tr>`).join("\n")}
</tbody></table></div>`;

const shown = (value: number): string => (Number.isNaN(value) ? "–" : value.toFixed(4));
