import { element, setAttribute, setText } from "../dom/element.js";
import type { Job } from "../service/types.js";
import { downloads } from "./job-panel.js";

export interface ShownInHead {
  readonly title: string;
  /** The finished job whose result is shown; null for anything else. */
  readonly result: Job | null;
  /** Other finished jobs, to compare with; null if there is nothing to compare. */
  readonly others: readonly { readonly id: string; readonly title: string }[] | null;
}

/** The head of the large part of the page: the title, what to compare with, and the downloads. */
export class ResultHead {
  readonly element: HTMLElement;
  readonly #heading = element("h2", { tabindex: -1, id: "shown" });
  readonly #stage = element("select", { "aria-label": "Model of the result" });
  readonly #compare = element("select", { id: "compare" });
  readonly #compareLabel = element("label", {}, element("span", {}, "Compare with"), this.#compare);
  readonly #downloads = element("div", {});
  #shownJob: string | null = null;
  #shownOthers = "";

  constructor(onChange: () => void) {
    this.element = element(
      "div",
      { class: "main-head" },
      this.#heading,
      element("div", { class: "row" }, this.#stage, this.#compareLabel, this.#downloads),
    );
    this.#stage.addEventListener("change", onChange);
    this.#compare.addEventListener("change", onChange);
  }

  /** The place of the model whose result is shown. */
  get stage(): number {
    return Number(this.#stage.value || 0);
  }

  /** The job to compare with; empty for none. */
  get comparedJob(): string {
    return this.#compare.value;
  }

  focus(): void {
    this.#heading.focus();
  }

  update({ title, result, others }: ShownInHead): void {
    setText(this.#heading, title);
    this.#updateResult(result);
    this.#updateOthers(others ?? []);
    this.#compareLabel.hidden = others === null;
  }

  #updateResult(result: Job | null): void {
    this.#stage.hidden = result === null || result.models.length < 2;
    this.#downloads.hidden = result === null;
    if (this.#shownJob === (result?.id ?? null)) return;
    this.#shownJob = result?.id ?? null;
    this.#compare.value = "";
    this.#downloads.replaceChildren(...(result === null ? [] : [downloads(result)]));
    this.#stage.replaceChildren(
      ...(result?.models ?? []).map((model, i) => element("option", { value: i }, `${i + 1}: ${model}`)),
    );
  }

  /** Changes the list only if it differs, because a list that is open would close. */
  #updateOthers(others: NonNullable<ShownInHead["others"]>): void {
    const shown = JSON.stringify(others);
    if (shown === this.#shownOthers) return;
    this.#shownOthers = shown;
    const chosen = this.#compare.value;
    this.#compare.replaceChildren(
      element("option", { value: "" }, "nothing"),
      ...others.map(({ id, title }) => element("option", { value: id }, title)),
    );
    this.#compare.value = others.some(({ id }) => id === chosen) ? chosen : "";
    setAttribute(this.#compare, "disabled", others.length === 0);
  }
}
