import { copyFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../../../../files/make-folder.js";
import { isFinal, type Job } from "../../jobs/job.js";
import type { StoredJob } from "../../jobs/stored-job.js";
import { completeRequest } from "../../requests/complete-request.js";
import { planWork } from "../../requests/plan-work.js";
import type { ServiceContext } from "../../service-context.js";
import type { InstanceStore, StoredInstance, StoredSeries } from "../store/instance-store.js";
import { type InstanceFacts, readInstance } from "../store/read-instance.js";
import { type RoutedSeries, routedSeries } from "./routed-series.js";
import { type RoutingRule, ruleFor } from "./routing-rules.js";

export interface SeriesJobsOptions {
  readonly store: InstanceStore;
  readonly rules: readonly RoutingRule[];
  readonly context: ServiceContext;
  /** Sends results to a peer or an address, and tries again if that fails; resolves with false if the server ends before. */
  readonly send: (to: string, results: readonly StoredInstance[]) => Promise<boolean>;
  readonly onTrouble: (error: unknown) => void;
}

const kindOfOutput = { seg: "dicom-segmentation", rtstruct: "rt-structure-set" } as const;
const pageOfJobs = 200;

/** Segments series as rules say, and puts the results into their study. A newer run of a series replaces an older one. */
export class SeriesJobs {
  readonly #options: SeriesJobsOptions;

  constructor(options: SeriesJobsOptions) {
    this.#options = options;
    const { jobs } = options.context;
    jobs.onEnd((job) => this.#take(job));
    // Those whose server died before their results were in the store, or had arrived elsewhere.
    for (const job of jobs.duties.open()) this.#take(job);
  }

  /**
   * Starts the job of a series, and cancels an earlier one that still waits or runs; does nothing without a rule for it.
   *
   * @throws QUEUE_FULL, MODEL_UNAVAILABLE and other refusals of jobs
   */
  async start(series: StoredSeries): Promise<void> {
    const { store, rules, context } = this.#options;
    const rule = ruleFor(series, rules);
    if (rule === null) return;
    const { jobs, models: served } = context;
    for (const earlier of [...this.#jobsOf(series)])
      if (!isFinal(earlier.state)) await jobs.cancel(earlier.id);
    const complete = completeRequest(
      rule.model,
      {
        is_dicom: true,
        series_folders: [],
        save_rt_struct_output: rule.outputs.includes("rtstruct"),
      } as Parameters<typeof completeRequest>[1],
      served,
    );
    const id = jobs.newId();
    const folder = jobs.store.folderOf(id);
    const studyFolder = await realpath(store.folderOf(series));
    const work = await planWork(complete, {
      served,
      studyFolder,
      needsMetadata: false,
      maxVoxels: context.limits.maxVoxels,
      outputDir: join(folder, "output"),
      archives: [],
      allowedRoots: [studyFolder],
      resolveInput: (path) => Promise.resolve(path),
    });
    await jobs.submit({
      id,
      work,
      models: work.stages.map(({ modelId }) => modelId),
      client: "dicom",
      request: {
        dicom_series: {
          study: series.study,
          series: series.uid,
          output: rule.outputs,
          send_to: rule.sendTo,
          objects: series.instances.size,
        },
      },
      idempotency: null,
      prepare: async () => void (await makeFolder(folder, 0o700)),
    });
  }

  /** Returns whether the last job of a series had all the images that the store has, whatever became of it. */
  isCovered(series: StoredSeries): boolean {
    const [last] = this.#jobsOf(series);
    const routed = last === undefined ? null : routedSeries(last);
    return routed !== null && (routed.objects ?? series.instances.size) === series.instances.size;
  }

  *#jobsOf({ study, uid }: Pick<StoredSeries, "study" | "uid">): Generator<Job> {
    const { jobs } = this.#options.context;
    for (let after: string | null = null; ; ) {
      const page = jobs.list({ state: null, limit: pageOfJobs, after });
      for (const job of page.jobs) {
        const routed = routedSeries(job);
        if (routed?.study === study && routed.series === uid) yield job;
      }
      if (page.next === null) return;
      after = page.next;
    }
  }

  #take(job: StoredJob): void {
    const routed = routedSeries(job);
    const duty = job.duties.find(({ kind }) => kind === "dicom-results");
    if (routed === null || duty === undefined) return;
    const { context, onTrouble } = this.#options;
    void this.#keep(job, routed)
      .then(async (isOver) => {
        if (isOver) await context.jobs.duties.fulfil(job.id, duty.id);
      })
      .catch(onTrouble);
  }

  /** Puts the results of a job into the store, in the place of those of earlier jobs of the series, and sends them. */
  async #keep(job: StoredJob, routed: RoutedSeries): Promise<boolean> {
    const { store, context, send } = this.#options;
    const { study, series: uid } = routed;
    const newer = [...this.#jobsOf({ study, uid })].some(({ created }) => created > job.created);
    if (newer) return true;
    const found = await this.#resultsOf(job, routed);
    const kept = new Set(found.map(({ facts }) => facts.uids.instance));
    for (const { id, state } of [...this.#jobsOf({ study, uid })])
      if (id !== job.id && state === "done")
        for (const { facts } of await this.#resultsOf(context.jobs.stored(id), routed))
          if (!kept.has(facts.uids.instance)) await store.remove(facts.uids);
    const results: StoredInstance[] = [];
    for (const { path, facts } of found) {
      const copy = store.newPath();
      await copyFile(path, copy);
      results.push((await store.take(copy, facts)).instance);
    }
    return routed.send_to === null || results.length === 0 || send(routed.send_to, results);
  }

  /** Reads the DICOM files of a job. An empty segmentation has none. */
  async #resultsOf(
    { result, work }: StoredJob,
    { output }: RoutedSeries,
  ): Promise<readonly { readonly path: string; readonly facts: InstanceFacts }[]> {
    const kinds: readonly string[] = output.map((one) => kindOfOutput[one]);
    const paths = (result?.files ?? [])
      .filter(({ kind }) => kinds.includes(kind))
      .map(({ name }) => join(work.outputDir, name));
    const found: { readonly path: string; readonly facts: InstanceFacts }[] = [];
    for (const path of paths) {
      const facts = await readInstance(path).catch(() => null);
      if (facts !== null) found.push({ path, facts });
    }
    return found;
  }
}
