import type { ServiceClient } from "./http.js";
import { hasEnded, type Job, type JobProgress } from "./types.js";

/** The list is asked for this often: while a job waits or runs, and otherwise. */
const pollMs = { busy: 2000, idle: 15_000 };

/** Jobs whose events are followed. A browser opens only six connections to one host. */
const maxStreams = 3;

type Listener = (jobs: readonly Job[], problem: Error | null) => void;

/** Keeps a list of the newest jobs up to date: the list by asking again, the progress of running jobs by events. */
export class JobFeed {
  readonly #client: ServiceClient;
  readonly #listener: Listener;
  readonly #streams = new Map<string, EventSource>();
  #jobs: readonly Job[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isClosed = false;

  constructor(client: ServiceClient, listener: Listener) {
    this.#client = client;
    this.#listener = listener;
  }

  /** Asks for the list now, and from then on by itself. */
  async refresh(): Promise<void> {
    if (this.#isClosed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    let problem: Error | null = null;
    try {
      this.#jobs = await listJobs(this.#client);
      this.#follow();
    } catch (error) {
      problem = error as Error;
    }
    if (this.#isClosed) return;
    this.#listener(this.#jobs, problem);
    const isBusy = problem !== null || this.#jobs.some(({ state }) => !hasEnded(state));
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), isBusy ? pollMs.busy : pollMs.idle);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }

  /** Opens the events of the jobs that end next, which are the oldest, and closes those of jobs that have ended. */
  #follow(): void {
    const active = this.#jobs.filter(({ state }) => !hasEnded(state));
    const wanted = new Set(active.slice(-maxStreams).map(({ id }) => id));
    for (const [id, stream] of this.#streams) {
      if (wanted.has(id)) continue;
      stream.close();
      this.#streams.delete(id);
    }
    for (const id of wanted) if (!this.#streams.has(id)) this.#streams.set(id, this.#open(id));
  }

  #open(id: string): EventSource {
    const stream = new EventSource(`v1/jobs/${encodeURIComponent(id)}/events`);
    stream.addEventListener("state", ({ data }) => {
      const { state, position } = JSON.parse(data as string) as Pick<Job, "state" | "position">;
      // A job that has ended is read as a whole.
      if (!hasEnded(state)) this.#change(id, { state, position });
    });
    stream.addEventListener("progress", ({ data }) => {
      this.#change(id, { progress: JSON.parse(data as string) as JobProgress });
    });
    stream.addEventListener("end", () => {
      stream.close();
      void this.refresh();
    });
    return stream;
  }

  #change(id: string, change: Partial<Job>): void {
    this.#jobs = this.#jobs.map((job) => (job.id === id ? { ...job, ...change } : job));
    this.#listener(this.#jobs, null);
  }
}

/** Returns the newest 50 jobs, the newest first. */
async function listJobs(client: ServiceClient): Promise<readonly Job[]> {
  const { jobs } = await client.json<{ readonly jobs: readonly Job[] }>("v1/jobs?limit=50");
  return jobs;
}
