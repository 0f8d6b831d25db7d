import type { Announcer } from "../dom/announcer.js";
import { element, setText } from "../dom/element.js";
import { contrasts, hasWebGl2, ImageView, type Plane, planes } from "../imaging/image-view.js";
import type { ShownLabel } from "../imaging/label-volume.js";
import { loadScan, type Scan, type ScanSource } from "../imaging/scan.js";
import { labelList } from "./label-list.js";

/** Shows a scan with its label map, and a second result next to it. */
export class ViewerPane {
  readonly element: HTMLElement;
  readonly #announcer: Announcer;
  readonly #stage = element("div", { class: "stage" });
  readonly #place = element("p", { class: "place" });
  readonly #message = element("p", { class: "note", role: "status" });
  readonly #labels = element("section", { class: "label-panel", "aria-label": "Labels" });
  readonly #plane = choice("View", planes);
  readonly #contrast = choice(
    "Contrast",
    contrasts.map(({ name }) => name),
  );
  readonly #opacity = element("input", { type: "range", min: 0, max: 100, value: 60, id: "opacity" });
  readonly #outline = element("input", { type: "checkbox", id: "outline" });
  readonly #tools: HTMLElement;
  readonly #hasWebGl2 = hasWebGl2();
  #views: readonly ImageView[] = [];
  #scans: readonly Scan[] = [];
  #opening = new AbortController();

  constructor(announcer: Announcer) {
    this.#announcer = announcer;
    this.#tools = element(
      "div",
      { class: "tools", role: "group", "aria-label": "Display" },
      this.#plane.label,
      this.#contrast.label,
      element("label", {}, element("span", {}, "Label opacity"), this.#opacity),
      element("label", { class: "check" }, this.#outline, "Outlines"),
    );
    this.element = element(
      "div",
      { class: "viewer" },
      this.#tools,
      this.#message,
      element(
        "div",
        { class: "viewer-body" },
        element("div", { class: "view" }, this.#stage, this.#place),
        this.#labels,
      ),
    );
    this.#plane.select.addEventListener("change", () => this.#applyTools());
    this.#contrast.select.addEventListener("change", () => this.#applyTools());
    this.#opacity.addEventListener("input", () => this.#applyTools());
    this.#outline.addEventListener("change", () => this.#applyTools());
  }

  /** Shows one scan, or two next to each other. A call ends the one before it. */
  async show(sources: readonly ScanSource[]): Promise<void> {
    this.close();
    const opening = new AbortController();
    this.#opening = opening;
    this.#say("Loading the images …");
    this.#tools.hidden = true;
    try {
      const scans: Scan[] = [];
      for (const source of sources) scans.push(await loadScan(source, opening.signal));
      if (opening.signal.aborted) return;
      this.#scans = scans;
      this.#listLabels();
      await this.#draw(scans);
      if (opening.signal.aborted) return;
    } catch (error) {
      if (!opening.signal.aborted) this.#say((error as Error).message);
      return;
    }
    this.#applyTools();
  }

  /** Frees the graphics memory. */
  close(): void {
    this.#opening.abort();
    for (const view of this.#views) view.close();
    this.#views = [];
    this.#scans = [];
    this.#stage.replaceChildren();
    this.#labels.replaceChildren();
    setText(this.#place, "");
  }

  async #draw(scans: readonly Scan[]): Promise<void> {
    if (!this.#hasWebGl2) {
      this.#say(
        "This browser cannot draw volumes, because WebGL 2 is missing or switched off. Volumes and downloads work all the same.",
      );
      return;
    }
    const views: ImageView[] = [];
    this.#views = views;
    for (const [i, scan] of scans.entries()) {
      const cell = element("figure", { class: "cell" });
      if (scans.length > 1) {
        cell.append(element("figcaption", {}, `${"AB"[i]}: ${scan.title}`));
      }
      this.#stage.append(cell);
      views.push(await ImageView.open(cell, scan.title, scan, (text) => setText(this.#place, text)));
    }
    if (views.length === 2) views[0]!.follow(views[1]!);
    this.#tools.hidden = false;
    this.#say(
      scans[0]!.image === null && scans[0]!.labelMap !== null
        ? "Only the label map is shown: this result holds no image."
        : "",
    );
  }

  #listLabels(): void {
    const [first, second] = this.#scans;
    if (first === undefined) return;
    const isComparable = second?.labelMap !== undefined && second.labelMap !== null;
    this.#labels.replaceChildren(
      element("h3", {}, "Labels"),
      first.labelMap === null
        ? element("p", { class: "note" }, "No label map is open.")
        : labelList(
            first.labels,
            isComparable ? second.labels : null,
            this.#hasWebGl2 ? (label) => this.#jump(label) : null,
          ),
    );
  }

  #jump(label: ShownLabel): void {
    const [first, second] = this.#scans;
    const owner = first!.labels.includes(label) ? first! : second!;
    const view = this.#views[owner === first ? 0 : 1];
    if (view === undefined || owner.labelMap === null) return;
    view.jumpTo(label.centreXyz, owner.labelMap);
    this.#announcer.say(`Moved to the centre of ${label.name}.`);
  }

  #applyTools(): void {
    const contrast = contrasts.find(({ name }) => name === this.#contrast.select.value) ?? contrasts[0]!;
    for (const view of this.#views) {
      view.setPlane(this.#plane.select.value as Plane);
      view.setContrast(contrast);
      view.setOpacity(Number(this.#opacity.value) / 100);
      view.setOutlined(this.#outline.checked);
    }
  }

  #say(text: string): void {
    setText(this.#message, text);
    this.#message.hidden = text === "";
  }
}

interface Choice {
  readonly label: HTMLLabelElement;
  readonly select: HTMLSelectElement;
}

function choice(label: string, options: readonly string[]): Choice {
  const select = element("select", {}, ...options.map((option) => element("option", {}, option)));
  return { label: element("label", {}, element("span", {}, label), select), select };
}
