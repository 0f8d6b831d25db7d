import { escapedMarkup } from "../../ground/escaped-markup.js";
import type { ShownCase } from "./show-dataset.js";

/** What the page of a data set shows. */
export interface DatasetPage {
  readonly name: string;
  readonly rows: readonly ShownCase[];
  /** The name of a label, by its number. */
  readonly labelNames: ReadonlyMap<number, string>;
  readonly colourOf: (label: number) => readonly number[];
  /** The path of a case's picture from the page. */
  readonly pictureOf: (caseId: string) => string;
}

/** Returns a page with a picture and a row for each case, which needs nothing from a network. */
export function datasetPage({ name, rows, labelNames, colourOf, pictureOf }: DatasetPage): string {
  const outliers = rows.filter((row) => row.outliers.length > 0);
  const labels = new Set(rows.flatMap((row) => Object.keys(row.labelMillilitres).map(Number)));
  const legend = [...labels]
    .filter((label) => label > 0)
    .sort((one, other) => one - other)
    .map((label) => {
      // A label of a region may have no name of its own.
      const title = escapedMarkup(labelNames.get(label) ?? "");
      return `<li><i style="background:rgb(${colourOf(label).join(",")})"></i>${label} ${title}</li>`;
    });
  const cells = rows.map((row) => {
    const volumes = Object.entries(row.labelMillilitres).map(
      ([label, ml]) => `${escapedMarkup(labelNames.get(Number(label)) ?? label)} ${short(ml)} ml`,
    );
    const ranges = row.intensities.map(
      ({ minimum, mean, maximum }) => `${short(minimum)} … ${short(mean)} … ${short(maximum)}`,
    );
    return `<tr id="${escapedMarkup(row.id)}"><td><img loading="lazy" src="${escapedMarkup(pictureOf(row.id))}" alt="Planes of ${escapedMarkup(row.id)} with its labels"></td>
<th scope="row">${escapedMarkup(row.id)}</th><td>${row.sizeZyx.join(" × ")}</td><td>${row.spacingMmZyx.map(short).join(" × ")}</td>
<td>${ranges.join("<br>")}</td><td>${volumes.join("<br>")}</td><td class="outlier">${row.outliers.map(escapedMarkup).join("<br>")}</td></tr>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapedMarkup(name)}</title>
<style>${style}</style>
<main>
<h1>${escapedMarkup(name)}</h1>
<p>${rows.length} training cases, ${outliers.length === 0 ? "none of them an outlier" : `outliers: ${outliers.map(({ id }) => `<a href="#${escapedMarkup(id)}">${escapedMarkup(id)}</a>`).join(", ")}`}.</p>
<ul>${legend.join("")}</ul>
<div tabindex="0" role="group" aria-label="Training cases"><table>
<thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead>
<tbody>
${cells.join("\n")}
</tbody></table></div>
</main>
</html>
`;
}

const heads = [
  "picture",
  "case",
  "size z × y × x",
  "spacing in mm",
  "intensities: least … mean … greatest",
  "labels",
  "outlier",
];

const style = `body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;padding:0 1rem;overflow-wrap:break-word;color:#1b1b1b;background:#fff}
div{overflow-x:auto}table{border-collapse:collapse}th,td{padding:.4rem .8rem;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}
img{display:block;max-width:min(30rem,75vw);height:auto;background:#000}.outlier{color:#a40000}ul{display:flex;flex-wrap:wrap;gap:.2rem 1rem;list-style:none;padding:0}
i{display:inline-block;width:.9em;height:.9em;margin-right:.4em;border:1px solid #888}
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}th,td{border-color:#444}.outlier{color:#ff9a8a}a{color:#9cf}}`;

const short = (value: number): string => String(Number(value.toPrecision(4)));
