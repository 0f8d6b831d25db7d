import { button, element, setAttribute, setText } from "../dom/element.js";
import { counted, formatBytes } from "../dom/format.js";
import { chosenFiles, droppedFiles, type InputFile } from "../input/dropped-files.js";
import { type CaseInput, type CasePlan, planCases } from "../input/plan-cases.js";
import type { JobOptions } from "../service/jobs.js";
import type { Model } from "../service/types.js";

export type Submit = (plan: CasePlan, model: Model, options: JobOptions) => void;

/** The form that starts jobs: a model, and scans from the disk or dropped on the page. */
export class NewJobForm {
  readonly element: HTMLElement;
  readonly #submit: Submit;
  readonly #model = element("select", { id: "model" });
  readonly #about = element("p", { class: "note", id: "model-about" });
  readonly #drop: HTMLElement;
  readonly #problems = element("p", { class: "error-text", role: "alert" });
  readonly #cases = element("ul", { class: "cases" });
  readonly #structures = element("input", { type: "checkbox", id: "structures" });
  readonly #fast = element("input", { type: "checkbox", id: "fast" });
  readonly #fastLabel = element(
    "label",
    { class: "check" },
    this.#fast,
    "Faster, but less exact (no mirroring)",
  );
  readonly #structuresLabel = element(
    "label",
    { class: "check" },
    this.#structures,
    "Also write an RTSTRUCT",
  );
  readonly #start = button("Segment", () => this.#startAll(), { class: "primary" });
  #models: readonly Model[] = [];
  #files: readonly InputFile[] = [];
  #plans: readonly CasePlan[] = [];

  constructor(submit: Submit) {
    this.#submit = submit;
    this.#drop = this.#dropZone();
    this.element = element(
      "section",
      { class: "card", "aria-labelledby": "new-job" },
      element("h2", { id: "new-job" }, "New segmentation"),
      element("label", { for: "model", class: "field" }, "Model"),
      this.#model,
      this.#about,
      this.#drop,
      this.#problems,
      this.#cases,
      this.#fastLabel,
      this.#structuresLabel,
      this.#start,
    );
    this.#model.addEventListener("change", () => this.#plan());
    this.#listenForDrops();
    this.setModels([]);
  }

  setModels(models: readonly Model[]): void {
    this.#models = models;
    const chosen = this.#model.value;
    this.#model.replaceChildren(
      ...models.map(({ id, name, ready, state }) => {
        const about = state === "loading" ? " (loading)" : " (not available)";
        return element("option", { value: id, disabled: !ready }, ready ? name : `${name}${about}`);
      }),
    );
    const wanted =
      models.find(({ id, ready }) => id === chosen && ready) ?? models.find(({ ready }) => ready);
    if (wanted !== undefined) this.#model.value = wanted.id;
    this.#plan();
  }

  #chosenModel(): Model | null {
    return this.#models.find(({ id }) => id === this.#model.value) ?? null;
  }

  #dropZone(): HTMLElement {
    const files = element("input", { type: "file", multiple: true, class: "visually-hidden", tabindex: -1 });
    const folder = element("input", {
      type: "file",
      webkitdirectory: true,
      class: "visually-hidden",
      tabindex: -1,
    });
    for (const input of [files, folder]) {
      input.setAttribute("aria-hidden", "true");
      input.addEventListener("change", () => {
        this.#use(chosenFiles(input.files!));
        input.value = ""; // the same file may be chosen again
      });
    }
    return element(
      "div",
      { class: "drop" },
      element("p", { class: "drop-title" }, "Drop scans or a DICOM folder here"),
      element(
        "div",
        { class: "row" },
        button("Choose files", () => files.click()),
        button("Choose a folder", () => folder.click()),
      ),
      files,
      folder,
    );
  }

  /** Files may be dropped anywhere on the page. A browser would otherwise open them instead of the page. */
  #listenForDrops(): void {
    let depth = 0;
    const mark = (isOver: boolean): void => {
      this.#drop.classList.toggle("is-over", isOver);
    };
    document.addEventListener("dragenter", () => mark(++depth > 0));
    document.addEventListener("dragleave", () => mark(--depth > 0));
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      depth = 0;
      mark(false);
      if (!this.element.isConnected || event.dataTransfer === null) return;
      droppedFiles(event.dataTransfer).then(
        (files) => this.#use(files),
        () =>
          setText(this.#problems, "The dropped files cannot be read. Choose them with the buttons instead."),
      );
    });
  }

  #use(files: readonly InputFile[]): void {
    this.#files = [
      ...this.#files,
      ...files.filter((file) => !this.#files.some(({ path }) => path === file.path)),
    ];
    this.#plan();
    if (this.#plans.length > 0) this.#start.focus();
  }

  #plan(): void {
    const model = this.#chosenModel();
    setText(this.#about, aboutModel(model, this.#models));
    const { cases, problems } = planCases(this.#files, model?.channels ?? ["image"]);
    this.#plans = cases;
    this.#show(model, problems);
  }

  #show(model: Model | null, problems: readonly string[]): void {
    const channels = model?.channels ?? [];
    this.#cases.replaceChildren(...this.#plans.map((plan) => this.#caseItem(plan, channels)));
    const incomplete = this.#plans.filter(({ inputs }) => inputs.length !== channels.length);
    const missing = incomplete.map(
      ({ name, inputs }) =>
        `${name}: the model needs ${counted(channels.length, "image")} (${channels.join(", ")}), but there ${inputs.length === 1 ? "is" : "are"} ${inputs.length}.`,
    );
    setText(this.#problems, [...problems, ...missing].join(" "));
    const count = this.#plans.length;
    this.#start.textContent = count > 1 ? `Segment ${count} scans` : "Segment";
    setAttribute(this.#start, "disabled", model === null || count === 0 || incomplete.length > 0);
    this.#fastLabel.hidden = count === 0;
    this.#structuresLabel.hidden = !this.#plans.some(({ inputs }) => inputs.some(({ isDicom }) => isDicom));
  }

  #caseItem(plan: CasePlan, channels: readonly string[]): HTMLElement {
    const remove = button("Remove", () => this.#remove(plan), {
      class: "quiet",
      "aria-label": `Remove ${plan.name}`,
    });
    if (channels.length < 2) {
      return element(
        "li",
        {},
        element("span", { class: "case-name" }, plan.name, sizeOf(plan.inputs)),
        remove,
      );
    }
    const rows = plan.inputs.map((input, i) =>
      this.#channelRow(plan, input, i, channels[i] ?? `Image ${i + 1}`),
    );
    return element(
      "li",
      { class: "with-channels" },
      element("span", { class: "case-name" }, plan.name),
      remove,
      ...rows,
    );
  }

  /** Shows which image is a channel, and lets the user exchange it with another. */
  #channelRow(plan: CasePlan, input: CaseInput, place: number, channel: string): HTMLElement {
    const select = element(
      "select",
      {},
      ...plan.inputs.map(({ name }, i) => element("option", { value: i, selected: i === place }, name)),
    );
    select.addEventListener("change", () => {
      const other = Number(select.value);
      const inputs = plan.inputs.with(place, plan.inputs[other]!).with(other, input);
      this.#plans = this.#plans.map((one) => (one === plan ? { ...plan, inputs } : one));
      this.#show(this.#chosenModel(), []);
    });
    return element("label", { class: "channel" }, element("span", {}, channel), select);
  }

  #remove(plan: CasePlan): void {
    const gone = new Set(plan.inputs.flatMap(({ files }) => files));
    this.#files = this.#files.filter((file) => !gone.has(file));
    this.#plan();
    this.#drop.querySelector("button")?.focus();
  }

  #startAll(): void {
    const model = this.#chosenModel();
    if (model === null) return;
    const options = { writesStructures: this.#structures.checked, isFast: this.#fast.checked };
    for (const plan of this.#plans) this.#submit(plan, model, options);
    this.#files = [];
    this.#plan();
    this.#drop.querySelector("button")?.focus();
  }
}

function aboutModel(model: Model | null, models: readonly Model[]): string {
  if (model === null) {
    if (models.length === 0) return "The service has no model.";
    return models.some(({ state }) => state === "loading")
      ? "The service is loading its models."
      : "No model of the service is available.";
  }
  const labels = model.labels.filter(({ value }) => value !== 0).map(({ name }) => name);
  const finds =
    labels.length <= 6 ? labels.join(", ") : `${labels.slice(0, 5).join(", ")} and ${labels.length - 5} more`;
  const license = model.license === null ? "" : ` Licence: ${model.license}.`;
  return `Needs ${model.channels.join(", ")}. Finds ${finds}.${license}`;
}

function sizeOf(inputs: readonly CaseInput[]): HTMLElement {
  const files = inputs.flatMap((input) => input.files);
  const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
  const count = files.length > 1 ? `${counted(files.length, "file")}, ` : "";
  return element("span", { class: "note" }, ` ${count}${formatBytes(bytes)}`);
}
