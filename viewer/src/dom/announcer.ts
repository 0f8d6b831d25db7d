import { element, setText } from "./element.js";

/** Screen readers read at most one message in this time, so that progress does not drown everything else. */
const pauseMs = 5000;

/** Reads messages to users of a screen reader. The newest message wins if several come within the pause. */
export class Announcer {
  /** The live region, which is invisible. */
  readonly region = element("div", { "aria-live": "polite", role: "status", class: "visually-hidden" });
  #lastMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #next = "";

  say(text: string): void {
    this.#next = text;
    if (this.#timer !== null) return;
    const wait = this.#lastMs + pauseMs - performance.now();
    if (wait <= 0) this.#speak();
    else this.#timer = setTimeout(() => this.#speak(), wait);
  }

  #speak(): void {
    this.#timer = null;
    this.#lastMs = performance.now();
    setText(this.region, this.#next);
  }
}
