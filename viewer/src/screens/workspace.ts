import { Announcer } from "../dom/announcer.js";
import { button, element, setText } from "../dom/element.js";
import { type ScanSource, scanOfJob } from "../imaging/scan.js";
import { type ServiceClient, ServiceError } from "../service/http.js";
import { JobFeed } from "../service/job-feed.js";
import { cancelJob } from "../service/jobs.js";
import { ModelFeed } from "../service/model-feed.js";
import { logOut, type Session } from "../service/session.js";
import { type Submission, Submissions } from "../service/submission.js";
import { hasEnded, type Job, type Model } from "../service/types.js";
import { JobList, jobDetail } from "./job-list.js";
import { JobNames } from "./job-names.js";
import { JobStatusCard } from "./job-panel.js";
import { NewJobForm } from "./new-job.js";
import { OpenFilesDialog } from "./open-files.js";
import { ResultHead } from "./result-head.js";
import { ViewerPane } from "./viewer-pane.js";

/** What the large part of the page shows. */
type Opened = { readonly job: string } | { readonly source: ScanSource } | null;

/** The page after log-in: a form for new jobs, the jobs, and the viewer. */
export class Workspace {
  readonly element: HTMLElement;
  readonly #client: ServiceClient;
  readonly #announcer = new Announcer();
  readonly #names = new JobNames();
  readonly #viewer = new ViewerPane(this.#announcer);
  readonly #status = new JobStatusCard();
  readonly #notice = element("p", { class: "banner", role: "alert", hidden: true });
  readonly #head = new ResultHead(() => this.#showResult());
  readonly #body = element("div", { class: "main-body" });
  readonly #form: NewJobForm;
  readonly #list: JobList;
  readonly #feed: JobFeed;
  readonly #modelFeed: ModelFeed;
  readonly #submissions: Submissions;
  #models: readonly Model[] = [];
  #jobs: readonly Job[] = [];
  #uploads: readonly Submission[] = [];
  #opened: Opened = null;
  /** The job or the files in the viewer: a result is loaded once. */
  #inViewer: string | ScanSource | null = null;

  constructor(client: ServiceClient, session: Session, onLogOut: () => void) {
    this.#client = client;
    this.#submissions = new Submissions(
      client,
      (uploads) => {
        this.#uploads = uploads;
        this.#announceUploads();
        this.#render();
      },
      (job, name) => this.#addJob(job, name),
    );
    this.#form = new NewJobForm((plan, model, options) => this.#submissions.add(plan, model, options));
    this.#list = new JobList({
      open: (id) => this.#open({ job: id }, true),
      cancel: (id) => void this.#cancel(id),
      removeSubmission: (key) => this.#submissions.remove(key),
    });
    this.#feed = new JobFeed(client, (jobs, problem) => this.#update(jobs, problem, onLogOut));
    this.#modelFeed = new ModelFeed(
      client,
      (models) => {
        this.#models = models;
        this.#form.setModels(models);
        this.#render();
      },
      (error) => this.#say(error),
    );
    const files = new OpenFilesDialog((source) => this.#open({ source }, true));
    this.element = this.#layOut(session, files, onLogOut);
    addEventListener("beforeunload", (event) => {
      if (this.#submissions.isBusy) event.preventDefault();
    });
    void this.#modelFeed.refresh();
    void this.#feed.refresh();
    this.#render();
  }

  close(): void {
    this.#feed.close();
    this.#modelFeed.close();
    this.#viewer.close();
    this.element.remove();
  }

  #layOut(session: Session, files: OpenFilesDialog, onLogOut: () => void): HTMLElement {
    const account =
      session.client === null || !session.needs_token
        ? null
        : button(`Log out ${session.client}`, () => void logOut(this.#client).finally(onLogOut), {
            class: "quiet",
          });
    return element(
      "div",
      { class: "page" },
      element("a", { class: "skip", href: "#main" }, "Skip to the viewer"),
      element(
        "header",
        { class: "top" },
        element("h1", {}, "nnunet-processor"),
        element(
          "div",
          { class: "row" },
          button("Open files", () => files.show(), { class: "quiet" }),
          account,
        ),
      ),
      this.#notice,
      element("div", { class: "side" }, this.#form.element, this.#list.element),
      element("main", { id: "main", class: "main", tabindex: -1 }, this.#head.element, this.#body),
      this.#announcer.region,
      files.element,
    );
  }

  #addJob(job: Job, name: string): void {
    this.#names.remember(job.id, name);
    this.#jobs = [job, ...this.#jobs];
    const open = this.#openJob();
    if (this.#opened === null || (open !== null && hasEnded(open.state))) this.#open({ job: job.id }, false);
    void this.#feed.refresh();
  }

  async #cancel(id: string): Promise<void> {
    try {
      await cancelJob(this.#client, id);
    } catch (error) {
      this.#say(error as Error);
    }
    await this.#feed.refresh();
  }

  #update(jobs: readonly Job[], problem: Error | null, onLogOut: () => void): void {
    if (problem instanceof ServiceError && problem.status === 401) {
      onLogOut();
      return;
    }
    this.#say(problem);
    this.#announceJobs(jobs);
    this.#jobs = jobs;
    this.#render();
  }

  #announceJobs(jobs: readonly Job[]): void {
    for (const job of jobs) {
      const before = this.#jobs.find(({ id }) => id === job.id);
      const title = this.#names.titleOf(job, this.#models);
      if (before !== undefined && before.state !== job.state && hasEnded(job.state)) {
        this.#announcer.say(`${title}: ${job.state}.`);
        return;
      }
    }
    const running = jobs.find(({ state }) => state === "running");
    if (running !== undefined) {
      this.#announcer.say(`${this.#names.titleOf(running, this.#models)}: ${jobDetail(running)}.`);
    }
  }

  #announceUploads(): void {
    const active = this.#uploads.find(({ state }) => state === "uploading" || state === "reconnecting");
    if (active === undefined) return;
    const percent = Math.floor((100 * active.sentBytes) / Math.max(active.totalBytes, 1));
    this.#announcer.say(`Uploading ${active.name}: ${percent} %.`);
  }

  #openJob(): Job | null {
    const opened = this.#opened;
    return opened !== null && "job" in opened
      ? (this.#jobs.find(({ id }) => id === opened.job) ?? null)
      : null;
  }

  #open(what: Opened, movesFocus: boolean): void {
    this.#opened = what;
    this.#inViewer = null;
    this.#render();
    if (movesFocus) this.#head.focus();
  }

  #render(): void {
    const job = this.#openJob();
    this.#list.update(
      this.#uploads,
      this.#jobs,
      (one) => this.#names.titleOf(one, this.#models),
      job?.id ?? null,
    );
    this.#renderHead(job);
    if (job !== null && job.state !== "done") {
      this.#inViewer = null;
      this.#viewer.close();
      this.#status.update(job, () => void this.#cancel(job.id));
      this.#setBody(this.#status.element);
      return;
    }
    if (this.#opened === null) this.#setBody(this.#welcome);
    else this.#renderResult(job);
  }

  #renderHead(job: Job | null): void {
    const opened = this.#opened;
    const source = opened !== null && "source" in opened ? opened.source : null;
    const result = job?.state === "done" ? job : null;
    const titleOf = (one: Job): string => this.#names.titleOf(one, this.#models);
    const others = this.#jobs
      .filter(({ id, state }) => state === "done" && id !== job?.id)
      .map((other) => ({ id: other.id, title: titleOf(other) }));
    this.#head.update({
      title: job === null ? (source?.title ?? "Viewer") : titleOf(job),
      result,
      others: result === null && source === null ? null : others,
    });
  }

  #renderResult(job: Job | null): void {
    const opened = this.#opened!;
    const shown = job?.id ?? ("source" in opened ? opened.source : null);
    if (this.#inViewer === shown) return;
    this.#inViewer = shown;
    this.#setBody(this.#viewer.element);
    this.#showResult();
  }

  #showResult(): void {
    const job = this.#openJob();
    const opened = this.#opened;
    const source =
      job !== null
        ? this.#scanOf(job, this.#head.stage)
        : opened !== null && "source" in opened
          ? opened.source
          : null;
    const other = this.#jobs.find(({ id }) => id === this.#head.comparedJob);
    const second = other === undefined ? null : this.#scanOf(other, 0);
    if (source === null) {
      this.#setBody(
        element(
          "p",
          { class: "note status-card" },
          "This result has no label map that can be shown. Download its files instead.",
        ),
      );
      return;
    }
    void this.#viewer.show(second === null ? [source] : [source, second]);
  }

  #scanOf(job: Job, stage: number): ScanSource | null {
    const title = this.#names.titleOf(job, this.#models);
    return scanOfJob(this.#client, job, { models: this.#models, stage, title });
  }

  readonly #welcome = element(
    "div",
    { class: "welcome" },
    element("p", { class: "welcome-title" }, "Nothing is open"),
    element(
      "p",
      {},
      "Drop a scan to segment it, choose a job to see its result, or open an image with its label map from this computer.",
    ),
  );

  #setBody(body: HTMLElement): void {
    if (this.#body.firstChild !== body || this.#body.children.length !== 1) this.#body.replaceChildren(body);
  }

  #say(problem: Error | null): void {
    const remedy = problem instanceof ServiceError ? ` ${problem.remedy}` : "";
    setText(this.#notice, problem === null ? "" : `${problem.message}${remedy}`);
    this.#notice.hidden = problem === null;
  }
}
