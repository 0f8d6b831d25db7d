import { button, element, setText } from "../dom/element.js";
import { formatBytes } from "../dom/format.js";
import { fileAddress } from "../imaging/scan.js";
import { hasEnded, type Job, type JobFile } from "../service/types.js";
import { jobDetail } from "./job-list.js";

/** What the files of a result are, for people. */
const kinds: Readonly<Record<string, string>> = {
  "label-map": "Label map",
  "probability-map": "Probabilities",
  "candidate-map": "Probabilities of candidates",
  "input-volume": "Image as NIfTI",
  "dicom-segmentation": "DICOM SEG",
  "dicom-probabilities": "DICOM SEG of probabilities",
  "dicom-candidates": "DICOM SEG of candidates",
  "rt-structure-set": "RTSTRUCT",
};

/** Shows what happens to a job that has no result to look at: its progress, or its error with the remedy. */
export class JobStatusCard {
  readonly element = element("section", { class: "status-card", "aria-label": "Job" });
  #shown = "";

  update(job: Job, onCancel: () => void): void {
    // The part that changes often is changed in place.
    const kind = `${job.id} ${job.state}`;
    if (kind !== this.#shown) {
      this.#shown = kind;
      this.element.replaceChildren(
        ...(job.error !== null && hasEnded(job.state) ? errorParts(job) : busyParts(job, onCancel)),
      );
    }
    const bar = this.element.querySelector("progress");
    if (bar !== null && job.state === "running") bar.value = job.progress?.fraction ?? 0;
    const detail = this.element.querySelector(".detail");
    if (detail !== null) setText(detail, jobDetail(job));
    const stage = this.element.querySelector(".stage-name");
    if (stage !== null) setText(stage, job.progress?.stage ?? "");
  }
}

const headings = {
  waiting: "Waiting in the queue",
  waiting_for_device: "Waiting for a GPU with enough free memory",
  running: "Segmenting",
  canceling: "Stopping",
  canceled: "Canceled",
  failed: "This scan could not be segmented",
  interrupted: "The service stopped while this ran",
  done: "Done",
} as const;

function busyParts({ state }: Job, onCancel: () => void): readonly Node[] {
  const isBusy = !hasEnded(state);
  return [
    element("h2", {}, headings[state]),
    ...(state === "running"
      ? [element("progress", { max: 1, value: 0, "aria-label": "Progress of this job" })]
      : []),
    element("p", { class: "detail" }),
    element("p", { class: "note stage-name" }),
    ...(isBusy && state !== "canceling" ? [button("Cancel", onCancel)] : []),
  ];
}

function errorParts({ state, error }: Job): readonly Node[] {
  return [
    element("h2", {}, headings[state]),
    element("p", { class: "error-message" }, error!.message),
    element("h3", {}, "What to do"),
    element("p", {}, error!.help),
    element("p", { class: "note" }, `Error code: ${error!.code}`),
  ];
}

/** Lists the files of a result as downloads. */
export function downloads(job: Job): HTMLElement {
  const files = job.result?.files ?? [];
  return element(
    "details",
    { class: "downloads" },
    element("summary", {}, "Download"),
    element(
      "ul",
      {},
      element(
        "li",
        {},
        element(
          "a",
          { href: `v1/jobs/${encodeURIComponent(job.id)}/archive.zip`, download: true },
          "Everything as a zip",
        ),
      ),
      ...files.map((file) => element("li", {}, downloadLink(job, file))),
    ),
  );
}

function downloadLink(job: Job, { name, kind, bytes }: JobFile): Node {
  const what = kinds[kind] ?? name;
  return element(
    "a",
    { href: fileAddress(job, name), download: name.split("/").at(-1)! },
    what,
    element("span", { class: "note" }, ` ${name}, ${formatBytes(bytes)}`),
  );
}
