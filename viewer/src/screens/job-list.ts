import { button, element, setAttribute, setText } from "../dom/element.js";
import { formatBytes, formatDuration, formatTime } from "../dom/format.js";
import type { Submission } from "../service/submission.js";
import { hasEnded, type Job, type JobState } from "../service/types.js";

const stateNames: Readonly<Record<JobState, string>> = {
  waiting: "Waiting",
  waiting_for_device: "Waiting for a GPU",
  running: "Running",
  canceling: "Stopping",
  done: "Done",
  failed: "Failed",
  canceled: "Canceled",
  interrupted: "Interrupted",
};

export interface JobActions {
  readonly open: (id: string) => void;
  readonly cancel: (id: string) => void;
  readonly removeSubmission: (key: string) => void;
}

/** What the list shows of a job or an upload. */
interface Row {
  readonly id: string;
  readonly title: string;
  readonly state: string;
  readonly tone: "busy" | "good" | "bad" | "plain";
  readonly detail: string;
  /** From 0 to 1; null for no bar. */
  readonly fraction: number | null;
  readonly open: (() => void) | null;
  readonly stop: { readonly label: string; readonly run: () => void } | null;
}

/** Lists uploads and jobs. Rows are changed in place, so that the keyboard's focus stays. */
export class JobList {
  readonly element: HTMLElement;
  readonly #list = element("ul", { class: "jobs" });
  readonly #empty = element("p", { class: "note" }, "No jobs yet.");
  readonly #actions: JobActions;
  readonly #items = new Map<string, JobItem>();

  constructor(actions: JobActions) {
    this.#actions = actions;
    this.element = element(
      "section",
      { class: "card", "aria-labelledby": "jobs" },
      element("h2", { id: "jobs" }, "Jobs"),
      this.#empty,
      this.#list,
    );
  }

  update(
    submissions: readonly Submission[],
    jobs: readonly Job[],
    titleOf: (job: Job) => string,
    openId: string | null,
  ): void {
    const rows = [
      ...submissions.map((submission) => this.#submissionRow(submission)),
      ...jobs.map((job) => this.#jobRow(job, titleOf(job))),
    ];
    this.#empty.hidden = rows.length > 0;
    const wanted = new Set(rows.map(({ id }) => id));
    for (const [id, item] of this.#items) {
      if (wanted.has(id)) continue;
      item.element.remove();
      this.#items.delete(id);
    }
    for (const [place, row] of rows.entries()) {
      const item = this.#items.get(row.id) ?? new JobItem();
      this.#items.set(row.id, item);
      item.update(row, row.id === openId);
      const there = this.#list.children[place];
      if (there !== item.element) this.#list.insertBefore(item.element, there ?? null);
    }
  }

  #submissionRow({ key, name, state, sentBytes, totalBytes, error }: Submission): Row {
    const isFailed = state === "failed";
    const names = {
      queued: "Ready to upload",
      uploading: "Uploading",
      reconnecting: "Connection lost, trying again",
      failed: "Upload failed",
    };
    return {
      id: key,
      title: name,
      state: names[state],
      tone: isFailed ? "bad" : "busy",
      detail: isFailed ? (error?.message ?? "") : `${formatBytes(sentBytes)} of ${formatBytes(totalBytes)}`,
      fraction: isFailed ? null : sentBytes / Math.max(totalBytes, 1),
      open: null,
      stop: {
        label: isFailed ? "Dismiss" : "Cancel",
        run: () => this.#actions.removeSubmission(key),
      },
    };
  }

  #jobRow(job: Job, title: string): Row {
    const { id, state, progress } = job;
    const isBusy = !hasEnded(state);
    const tone = state === "done" ? "good" : state === "failed" || state === "interrupted" ? "bad" : "plain";
    return {
      id,
      title,
      state: stateNames[state],
      tone: isBusy ? "busy" : tone,
      detail: jobDetail(job),
      fraction: state === "running" ? (progress?.fraction ?? 0) : null,
      open: () => this.#actions.open(id),
      stop: isBusy && state !== "canceling" ? { label: "Cancel", run: () => this.#actions.cancel(id) } : null,
    };
  }
}

/** Says what a user wants to know next: the place in the queue, the time that is left, or the error. */
export function jobDetail({ state, position, starts_in_s: wait, progress, error, created }: Job): string {
  if (state === "waiting" && position !== null) {
    const place = position === 0 ? "Next" : `${position} before this one`;
    return wait === null ? place : `${place}, starts in ${formatDuration(wait)}`;
  }
  if (state === "running" && progress === null) return "Starting";
  if (state === "running" && progress !== null) {
    const percent = `${Math.floor(progress.fraction * 100)} %`;
    return progress.eta_s === null ? percent : `${percent}, ${formatDuration(progress.eta_s)} left`;
  }
  if (error !== null && state !== "canceled") return error.message;
  return formatTime(created);
}

/** One row of the list. */
class JobItem {
  readonly #title = button("", () => this.#row?.open?.(), { class: "job-title" });
  readonly #state = element("span", { class: "badge" });
  readonly #detail = element("span", { class: "note" });
  readonly #bar = element("progress", { max: 1, value: 0 });
  readonly #stop = button("", () => this.#row?.stop?.run(), { class: "quiet" });
  readonly element = element(
    "li",
    { class: "job" },
    this.#title,
    this.#state,
    this.#detail,
    this.#stop,
    this.#bar,
  );
  #row: Row | null = null;

  update(row: Row, isOpen: boolean): void {
    this.#row = row;
    setText(this.#title, row.title);
    setAttribute(this.#title, "disabled", row.open === null);
    setAttribute(this.#title, "aria-current", isOpen ? "true" : null);
    this.element.classList.toggle("is-open", isOpen);
    setText(this.#state, row.state);
    this.#state.className = `badge ${row.tone}`;
    setText(this.#detail, row.detail);
    this.#bar.hidden = row.fraction === null;
    this.#bar.value = row.fraction ?? 0;
    setAttribute(this.#bar, "aria-label", `${row.state}: ${row.title}`);
    this.#stop.hidden = row.stop === null;
    setText(this.#stop, row.stop?.label ?? "");
    setAttribute(this.#stop, "aria-label", row.stop === null ? null : `${row.stop.label} ${row.title}`);
  }
}
