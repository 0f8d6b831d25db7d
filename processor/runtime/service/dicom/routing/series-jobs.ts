import { copyFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { type Checked, listOf, oneOf, orNull, record, text } from "../../../../contract/json-check.js";
import { checkedOrNull } from "../../../../contract/parse-checked.js";
import { makeFolder } from "../../../../files/make-folder.js";
import { isFinal, type Job } from "../../jobs/job.js";
import type { StoredJob } from "../../jobs/stored-job.js";
import { completeRequest } from "../../requests/complete-request.js";
import { planWork } from "../../requests/plan-work.js";
import type { ServiceContext } from "../../service-context.js";
import type { InstanceStore, StoredInstance, StoredSeries } from "../store/instance-store.js";
import { type InstanceFacts, readInstance } from "../store/read-instance.js";
import { type RoutingRule, ruleFor } from "./routing-rules.js";

/** The request of a job that a rule started. It is in the job's file, so that a server that starts again knows it. */
const routedRequest = record({
  dicom_series: record({
    study: text,
    series: text,
    output: listOf(oneOf(["seg", "rtstruct"])),
    send_to: orNull(text),
  }),
});

type RoutedSeries = Checked<typeof routedRequest>["dicom_series"];

export interface SeriesJobsOptions {
  readonly store: InstanceStore;
  readonly rules: readonly RoutingRule[];
  readonly context: ServiceContext;
  /** Sends results to a peer or an address, and tries again if that fails. */
  readonly send: (to: string, results: readonly StoredInstance[]) => void;
  readonly onTrouble: (error: unknown) => void;
}

const kindOfOutput = { seg: "dicom-segmentation", rtstruct: "rt-structure-set" } as const;
const pageOfJobs = 200;

/** Segments series as rules say, and puts the results into their study. A newer run of a series replaces an older one. */
export class SeriesJobs {
  readonly #options: SeriesJobsOptions;

  constructor(options: SeriesJobsOptions) {
    this.#options = options;
    options.context.jobs.onEnd((job) => {
      const routed = routedSeries(job);
      if (routed !== null && job.state === "done") void this.#keep(job, routed).catch(options.onTrouble);
    });
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
        },
      },
      idempotency: null,
      prepare: async () => void (await makeFolder(folder, 0o700)),
    });
  }

  /** Returns whether there is a job of a series, whatever became of it. */
  hasJob(series: Pick<StoredSeries, "study" | "uid">): boolean {
    return !this.#jobsOf(series).next().done;
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

  /** Puts the results of a job into the store, in the place of those of earlier jobs of the series, and sends them. */
  async #keep(job: StoredJob, routed: RoutedSeries): Promise<void> {
    const { store, context, send } = this.#options;
    const { study, series: uid } = routed;
    const newer = [...this.#jobsOf({ study, uid })].some(({ created }) => created > job.created);
    if (newer) return;
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
    if (routed.send_to !== null && results.length > 0) send(routed.send_to, results);
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

const routedSeries = ({ request }: Pick<Job, "request">): RoutedSeries | null =>
  checkedOrNull(request, routedRequest)?.dicom_series ?? null;
