import type { CaseInput, CasePlan } from "../input/plan-cases.js";
import { tarOf } from "../input/tar.js";
import { type ServiceClient, ServiceError } from "./http.js";
import { createJob, type JobOptions, randomKey } from "./jobs.js";
import type { Job, Model } from "./types.js";
import { uploadFile } from "./upload.js";

/** A case on its way to the service, until it is a job. */
export interface Submission {
  readonly key: string;
  readonly name: string;
  readonly model: Model;
  readonly totalBytes: number;
  readonly sentBytes: number;
  readonly state: "queued" | "uploading" | "reconnecting" | "failed";
  readonly error: Error | null;
}

/** Uploads cases one after the other and makes a job of each. */
export class Submissions {
  readonly #client: ServiceClient;
  readonly #onChange: (submissions: readonly Submission[]) => void;
  readonly #onJob: (job: Job, name: string) => void;
  readonly #aborts = new Map<string, AbortController>();
  #all: readonly Submission[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(
    client: ServiceClient,
    onChange: (submissions: readonly Submission[]) => void,
    onJob: (job: Job, name: string) => void,
  ) {
    this.#client = client;
    this.#onChange = onChange;
    this.#onJob = onJob;
  }

  get isBusy(): boolean {
    return this.#all.some(({ state }) => state !== "failed");
  }

  add(plan: CasePlan, model: Model, options: JobOptions): void {
    const key = randomKey();
    const contents = plan.inputs.map(contentOf);
    const totalBytes = contents.reduce((sum, { content }) => sum + content.size, 0);
    this.#aborts.set(key, new AbortController());
    const start = { sentBytes: 0, state: "queued", error: null } as const;
    this.#set([...this.#all, { key, name: plan.name, model, totalBytes, ...start }]);
    this.#last = this.#last.then(() => this.#send(key, plan, contents, options));
  }

  /** Stops an upload, or removes one that failed from the list. */
  remove(key: string): void {
    this.#aborts.get(key)?.abort();
    this.#aborts.delete(key);
    this.#set(this.#all.filter((submission) => submission.key !== key));
  }

  async #send(
    key: string,
    plan: CasePlan,
    contents: readonly NamedContent[],
    options: JobOptions,
  ): Promise<void> {
    const signal = this.#aborts.get(key)?.signal;
    const submission = this.#all.find((one) => one.key === key);
    if (signal === undefined || submission === undefined) return;
    try {
      const uploads: string[] = [];
      let before = 0;
      this.#change(key, { state: "uploading" });
      for (const { name, content } of contents) {
        const onProgress = (sent: number, isWaiting: boolean): void =>
          this.#change(key, { sentBytes: before + sent, state: isWaiting ? "reconnecting" : "uploading" });
        uploads.push(await uploadFile(this.#client, { name, content, signal, onProgress }));
        before += content.size;
      }
      const isDicom = plan.inputs.some((input) => input.isDicom);
      const model = submission.model.id;
      const job = await createJob(this.#client, {
        ...options,
        model,
        uploads,
        isDicom,
        series: seriesOf(contents),
        key,
      });
      this.remove(key);
      this.#onJob(job, plan.name);
    } catch (error) {
      if (!signal.aborted) this.#change(key, { state: "failed", error: readable(error) });
    }
  }

  #change(key: string, change: Partial<Submission>): void {
    this.#set(this.#all.map((one) => (one.key === key ? { ...one, ...change } : one)));
  }

  #set(all: readonly Submission[]): void {
    this.#all = all;
    this.#onChange(all);
  }
}

interface NamedContent {
  readonly name: string;
  readonly content: Blob;
  /** The folder of a series in its tar file; null for anything else. */
  readonly folder: string | null;
}

/**
 * Returns what is uploaded for a channel, under nnU-Net's name for it. The service learns only the ending of a file's name,
 * because names of files may hold names of patients.
 */
function contentOf({ name, files, isDicom }: CaseInput, channel: number): NamedContent {
  const [first] = files;
  const ending = /\.(?:nii\.gz|tar\.gz|\w+)$/i.exec(name)?.[0].toLowerCase() ?? ".dcm";
  const shown = `scan_${String(channel).padStart(4, "0")}`;
  if (isDicom && files.length > 1)
    return { name: `${shown}.tar`, content: tarOf(files, shown), folder: shown };
  return { name: `${shown}${ending}`, content: first!.file, folder: null };
}

/** Names the series of each channel, which cannot be told from DICOM files; null if there is nothing to name. */
function seriesOf(contents: readonly NamedContent[]): readonly string[] | null {
  const folders = contents.map(({ folder }) => folder).filter((folder) => folder !== null);
  return contents.length > 1 && folders.length === contents.length ? folders : null;
}

/** A file that changed or vanished after it was chosen gives an error that says nothing to people. */
function readable(error: unknown): Error {
  if (error instanceof ServiceError) return error;
  if (error instanceof DOMException) {
    return new Error("The file cannot be read any more. Choose it again.", { cause: error });
  }
  return error as Error;
}
