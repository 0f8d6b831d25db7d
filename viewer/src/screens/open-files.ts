import { button, element, setText } from "../dom/element.js";
import { labelNames, localFile, type ScanSource } from "../imaging/scan.js";

/** A dialog that opens an image and a label map of this computer, without a model. Nothing is uploaded. */
export class OpenFilesDialog {
  readonly element: HTMLDialogElement;
  readonly #image = element("input", { type: "file", id: "open-image" });
  readonly #labels = element("input", { type: "file", id: "open-labels" });
  readonly #names = element("input", { type: "file", id: "open-names", accept: ".json" });
  readonly #problem = element("p", { class: "error-text", role: "alert" });

  constructor(onOpen: (source: ScanSource) => void) {
    const form = element(
      "form",
      { method: "dialog" },
      element("h2", { id: "open-title" }, "Open images of this computer"),
      element(
        "p",
        { class: "note" },
        "They are shown here and are not uploaded: NIfTI, NRRD, MetaImage or MGZ.",
      ),
      element("label", { for: "open-image", class: "field" }, "Image"),
      this.#image,
      element("label", { for: "open-labels", class: "field" }, "Label map"),
      this.#labels,
      element("label", { for: "open-names", class: "field" }, "Names of labels (dataset.json), optional"),
      this.#names,
      this.#problem,
      element(
        "div",
        { class: "row end" },
        button("Cancel", () => this.element.close()),
        element("button", { type: "submit", class: "primary" }, "Open"),
      ),
    );
    this.element = element("dialog", { "aria-labelledby": "open-title" }, form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#open(onOpen);
    });
  }

  show(): void {
    setText(this.#problem, "");
    this.element.showModal();
  }

  async #open(onOpen: (source: ScanSource) => void): Promise<void> {
    const image = this.#image.files?.[0] ?? null;
    const labels = this.#labels.files?.[0] ?? null;
    const names = this.#names.files?.[0] ?? null;
    if (image === null && labels === null) {
      setText(this.#problem, "Choose an image, a label map, or both.");
      return;
    }
    onOpen({
      title: (image ?? labels)!.name,
      image: image === null ? null : localFile(image),
      labelMap: labels === null ? null : localFile(labels),
      names: names === null ? new Map() : labelNames(await names.text()),
    });
    this.element.close();
  }
}
