import { Announcer } from "../dom/announcer.js";
import { button, element, setAttribute, setText } from "../dom/element.js";
import { type ScanSource, scanOfJob } from "../imaging/scan.js";
import { type ServiceClient, ServiceError } from "../service/http.js";
import { JobFeed } from "../service/job-feed.js";
import { cancelJob, listModels } from "../service/jobs.js";
import { logOut, type Session } from "../service/session.js";
import { type Submission, Submissions } from "../service/submission.js";
import { hasEnded, type Job, type Model } from "../service/types.js";
import { JobList, jobDetail } from "./job-list.js";
import { JobNames } from "./job-names.js";
import { downloads, JobStatusCard } from "./job-panel.js";
import { NewJobForm } from "./new-job.js";
import { OpenFilesDialog } from "./open-files.js";
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
  readonly #heading = element("h2", { tabindex: -1, id: "shown" }, "Viewer");
  readonly #downloads = element("div", { class: "downloads-slot" });
  readonly #stage = element("select", { "aria-label": "Model of the result" });
  readonly #compare = element("select", {});
  readonly #compareLabel = element("label", {}, element("span", {}, "Compare with"), this.#compare);
  readonly #body = element("div", { class: "main-body" });
  readonly #form: NewJobForm;
  readonly #list: JobList;
  readonly #feed: JobFeed;
  readonly #submissions: Submissions;
  #models: readonly Model[] = [];
  #jobs: readonly Job[] = [];
  #uploads: readonly Submission[] = [];
  #opened: Opened = null;
  /** The job whose result is in the viewer, with its state: a result is loaded once. */
  #inViewer = "";

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
    this.#form = new NewJobForm((plan, model, structures) => this.#submissions.add(plan, model, structures));
    this.#list = new JobList({
      open: (id) => this.#open({ job: id }, true),
      cancel: (id) => void this.#cancel(id),
      removeSubmission: (key) => this.#submissions.remove(key),
    });
    this.#feed = new JobFeed(client, (jobs, problem) => this.#update(jobs, problem, onLogOut));
    const files = new OpenFilesDialog((source) => this.#open({ source }, true));
    this.element = this.#layOut(session, files, onLogOut);
    this.#stage.addEventListener("change", () => this.#showResult());
    this.#compare.addEventListener("change", () => this.#showResult());
    addEventListener("beforeunload", (event) => {
      if (this.#submissions.isBusy) event.preventDefault();
    });
    void this.#loadModels();
    void this.#feed.refresh();
    this.#render();
  }

  close(): void {
    this.#feed.close();
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
      element(
        "main",
        { id: "main", class: "main", tabindex: -1 },
        element(
          "div",
          { class: "main-head" },
          this.#heading,
          element("div", { class: "row" }, this.#stage, this.#compareLabel, this.#downloads),
        ),
        this.#body,
      ),
      this.#announcer.region,
      files.element,
    );
  }

  async #loadModels(): Promise<void> {
    try {
      this.#models = await listModels(this.#client);
      this.#form.setModels(this.#models);
      this.#render();
    } catch (error) {
      this.#say(error as Error);
    }
  }

  #addJob(job: Job, name: string): void {
    this.#names.remember(job.id, name);
    this.#jobs = [job, ...this.#jobs];
    if (this.#opened === null || this.#openJob() !== null) this.#open({ job: job.id }, false);
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
    this.#inViewer = "";
    this.#compare.value = "";
    this.#stage.value = "0";
    this.#render();
    if (movesFocus) this.#heading.focus();
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
      this.#inViewer = "";
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
    const title = opened === null ? "Viewer" : "source" in opened ? opened.source.title : "Job";
    setText(this.#heading, job === null ? title : this.#names.titleOf(job, this.#models));
    const isDone = job?.state === "done";
    this.#compareLabel.hidden = !(isDone || (opened !== null && "source" in opened));
    this.#stage.hidden = !isDone || job.models.length < 2;
    this.#downloads.hidden = !isDone;
  }

  #renderResult(job: Job | null): void {
    const opened = this.#opened!;
    const key = job?.id ?? ("source" in opened ? opened.source.title : "");
    if (this.#inViewer === key && key !== "") return;
    this.#inViewer = key;
    this.#downloads.replaceChildren(...(job === null ? [] : [downloads(job)]));
    this.#stage.replaceChildren(
      ...(job?.models ?? []).map((model, i) => element("option", { value: i }, `${i + 1}: ${model}`)),
    );
    const others = this.#jobs.filter(({ id, state }) => state === "done" && id !== job?.id);
    this.#compare.replaceChildren(
      element("option", { value: "" }, "nothing"),
      ...others.map((other) =>
        element("option", { value: other.id }, this.#names.titleOf(other, this.#models)),
      ),
    );
    setAttribute(this.#compare, "disabled", others.length === 0);
    this.#setBody(this.#viewer.element);
    this.#showResult();
  }

  #showResult(): void {
    const job = this.#openJob();
    const opened = this.#opened;
    const source =
      job !== null
        ? scanOfJob(this.#client, job, this.#models, Number(this.#stage.value || 0))
        : opened !== null && "source" in opened
          ? opened.source
          : null;
    const other = this.#jobs.find(({ id }) => id === this.#compare.value);
    const second = other === undefined ? null : scanOfJob(this.#client, other, this.#models, 0);
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
