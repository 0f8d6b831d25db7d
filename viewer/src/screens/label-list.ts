import { button, element } from "../dom/element.js";
import { formatMl } from "../dom/format.js";
import type { ShownLabel } from "../imaging/label-volume.js";
import { cssColour } from "../labels/palette.js";

/** Lists labels with their colour, name and volume; the name is a button that moves the view to the label. */
export function labelList(
  labels: readonly ShownLabel[],
  compared: readonly ShownLabel[] | null,
  onJump: ((label: ShownLabel) => void) | null,
): HTMLElement {
  if (labels.length === 0 && (compared ?? []).length === 0) {
    return element("p", { class: "note" }, "The label map is empty: nothing was segmented.");
  }
  const second = new Map((compared ?? []).map((label) => [label.label, label]));
  const all = [
    ...labels,
    ...(compared ?? []).filter(({ label }) => !labels.some((own) => own.label === label)),
  ];
  const first = new Map(labels.map((label) => [label.label, label]));
  const body = element(
    "tbody",
    {},
    ...all.map((label) => {
      const own = first.get(label.label);
      const ml = own?.volumeMl ?? 0;
      const otherMl = second.get(label.label)?.volumeMl ?? 0;
      return element(
        "tr",
        {},
        element(
          "th",
          { scope: "row" },
          element("span", { class: "label-name" }, swatch(label), nameOf(label, onJump)),
        ),
        element("td", {}, formatMl(ml)),
        compared === null ? null : element("td", {}, formatMl(otherMl)),
      );
    }),
  );
  return element(
    "table",
    { class: "labels" },
    element("caption", { class: "visually-hidden" }, "Labels and their volumes"),
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        element("th", { scope: "col" }, "Label"),
        element("th", { scope: "col" }, compared === null ? "Volume, ml" : "A, ml"),
        compared === null ? null : element("th", { scope: "col" }, "B, ml"),
      ),
    ),
    body,
  );
}

/** The colour as a drawing: the page's security policy allows no style attributes. */
function swatch({ colour }: ShownLabel): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "swatch");
  svg.setAttribute("viewBox", "0 0 1 1");
  svg.setAttribute("aria-hidden", "true");
  const square = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  square.setAttribute("width", "1");
  square.setAttribute("height", "1");
  square.setAttribute("fill", cssColour(colour));
  svg.append(square);
  return svg;
}

function nameOf(label: ShownLabel, onJump: ((label: ShownLabel) => void) | null): Node {
  if (onJump === null) return document.createTextNode(label.name);
  return button(label.name, () => onJump(label), { class: "link", title: "Show this label's centre" });
}
