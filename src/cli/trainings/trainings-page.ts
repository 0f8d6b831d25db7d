import { escapedMarkup } from "../../ground/escaped-markup.js";
import type { ListedTraining } from "./list-trainings.js";
import { byModel, diceText, epochText, leftText, lossText, stateText } from "./training-text.js";

/** How often the page looks for news. */
const lookSeconds = 5;

/**
 * Returns a page with a table for each model and nnU-Net's curves. Its script replaces the content when there is news.
 *
 * @param pictureOf the address of a fold's curves
 */
export function trainingsPage(
  trainings: readonly ListedTraining[],
  { nowMs, pictureOf }: { readonly nowMs: number; readonly pictureOf: (training: ListedTraining) => string },
): string {
  const content = [...byModel(trainings)].map(([model, folds]) =>
    modelSection(model, folds, { nowMs, pictureOf }),
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Trainings</title>
<link rel="stylesheet" href="/page.css">
<script src="/page.js" defer></script>
<main>
<h1>Trainings</h1>
<p role="status" id="news"></p>
<div id="trainings">
${content.length === 0 ? "<p>Nothing was trained yet.</p>" : content.join("\n")}
</div>
</main>
</html>
`;
}

const heads = ["fold", "state", "epoch", "train loss", "validation loss", "Dice", "time left"];

function modelSection(
  model: string,
  folds: readonly ListedTraining[],
  { nowMs, pictureOf }: Parameters<typeof trainingsPage>[1],
): string {
  const rows = folds.map((fold) => {
    const cells = [
      stateText(fold, nowMs),
      epochText(fold),
      lossText(fold.last?.trainLoss),
      lossText(fold.last?.validationLoss),
      diceText(fold),
      leftText(fold),
    ];
    return `<tr class="${fold.state}"><th scope="row">${fold.fold}</th>${cells.map((cell) => `<td>${escapedMarkup(cell)}</td>`).join("")}</tr>`;
  });
  const pictures = folds
    .filter(({ pictureMs }) => pictureMs !== null)
    .map((fold) => {
      const address = escapedMarkup(pictureOf(fold));
      const what = `Losses, Dice, learning rate and length of the epochs of fold ${fold.fold} of ${escapedMarkup(model)}, as curves`;
      return `<figure><figcaption>fold ${fold.fold}</figcaption><a id="${escapedMarkup(`curves ${model} ${fold.fold}`.replaceAll(" ", "-"))}" href="${address}"><img src="${address}" alt="${what}"></a></figure>`;
    });
  return `<section>
<h2>${escapedMarkup(model)}</h2>
<div id="${escapedMarkup(`folds ${model}`.replaceAll(" ", "-"))}" class="wide" tabindex="0" role="group" aria-label="Folds of ${escapedMarkup(model)}"><table>
<thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table></div>
<div class="pictures">${pictures.join("\n")}</div>
</section>`;
}

export const pageStyle = `body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem;color:#1b1b1b;background:#fff}
h2{font-size:1.1rem;overflow-wrap:anywhere}.wide{overflow-x:auto}table{border-collapse:collapse}
th,td{padding:.3rem .8rem;text-align:right;border-bottom:1px solid #ddd;white-space:nowrap;font-variant-numeric:tabular-nums}
th:first-child,th:nth-child(2),td:nth-child(2){text-align:left}.training td:nth-child(2),.validating td:nth-child(2){color:#00613a;font-weight:600}
.silent td:nth-child(2),.diverged td:nth-child(2){color:#a40000;font-weight:600}.pictures{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:1rem 0}
img{display:block;width:22rem;max-width:100%;height:auto;background:#fff}#news{min-height:1.5em;color:#555}
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}th,td{border-color:#444}a{color:#9cf}#news{color:#bbb}
.training td:nth-child(2),.validating td:nth-child(2){color:#7fd6a8}.silent td:nth-child(2),.diverged td:nth-child(2){color:#ff9a8a}}
`;

/** Replaces the trainings when there is news, and leaves the focus where it is. */
export const pageScript = `const news = document.getElementById("news");
async function look() {
  try {
    const answer = await fetch("/");
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const before = document.getElementById("trainings");
    const after = page.getElementById("trainings");
    if (before.innerHTML !== after.innerHTML) {
      const focused = document.activeElement?.id ?? "";
      before.replaceWith(after);
      if (focused !== "") document.getElementById(focused)?.focus();
    }
    news.textContent = "";
  } catch {
    news.textContent = "The program that shows this page has stopped: these are its last numbers.";
  }
}
setInterval(() => { if (!document.hidden) void look(); }, ${lookSeconds * 1000});
document.addEventListener("visibilitychange", () => { if (!document.hidden) void look(); });
`;
