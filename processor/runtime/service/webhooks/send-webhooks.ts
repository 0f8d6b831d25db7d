import { setTimeout as wait } from "node:timers/promises";
import { type Duties, newDuty } from "../jobs/duties.js";
import type { Duty, StoredJob } from "../jobs/stored-job.js";
import { post, type WebhookTarget } from "./post-webhook.js";
import type { WebhookSettings } from "./webhook-rules.js";

const mostAtOnce = 1000;

export interface WebhookContext {
  readonly settings: WebhookSettings;
  readonly duties: Duties;
  /** Receives a line about an end that did not arrive. */
  readonly onFailure: (line: string) => void;
  readonly onTrouble: (error: unknown) => void;
  readonly signal: AbortSignal;
}

interface AfterwardsRequest {
  readonly update_url?: string | null;
}

const ownAddress = ({ request }: StoredJob): string | null =>
  ((request ?? {}) as AfterwardsRequest).update_url ?? null;

/** Returns the webhooks that must receive the end of a job. */
export function webhookDuties(job: StoredJob, { url }: WebhookSettings): readonly Duty[] {
  const own = ownAddress(job);
  return [
    ...(url === null ? [] : [newDuty("operators-webhook")]),
    ...(own === null || own === url ? [] : [newDuty("clients-webhook")]),
  ];
}

/** Where the end of a job goes; null for a duty of another kind, or if the operator's address is gone. */
function targetOf(job: StoredJob, { kind }: Duty, { url }: WebhookSettings): WebhookTarget | null {
  const address = kind === "operators-webhook" ? url : kind === "clients-webhook" ? ownAddress(job) : null;
  return address === null ? null : { address, isOperators: kind === "operators-webhook" };
}

/**
 * Sends the ends of jobs. It never keeps a job waiting. What does not arrive after the last attempt is logged; what a server
 * leaves open is sent by the next one, with the same id.
 */
export class Webhooks {
  readonly #context: WebhookContext;
  readonly #waiting: { readonly job: StoredJob; readonly duty: Duty }[] = [];
  readonly #sending = new Set<Promise<boolean>>();
  /** The ids of duties that wait or are under way. */
  readonly #known = new Set<string>();
  #open = 0;

  constructor(context: WebhookContext) {
    this.#context = context;
  }

  /** Sends the end of a job to all who have not received it. */
  send(job: StoredJob): void {
    for (const duty of job.duties) {
      if (duty.kind === "dicom-results" || this.#known.has(duty.id)) continue;
      this.#known.add(duty.id);
      this.#waiting.push({ job, duty });
    }
    this.#startNext();
  }

  /** Waits until nothing is under way, or for a time. */
  async settle(limitMs: number): Promise<void> {
    const end = new AbortController();
    const late = wait(limitMs, undefined, { signal: end.signal, ref: false }).catch(() => {});
    await Promise.race([Promise.allSettled(this.#sending), late]);
    end.abort();
  }

  #startNext(): void {
    while (this.#open < mostAtOnce && this.#waiting.length > 0) {
      const { job, duty } = this.#waiting.shift()!;
      this.#open++;
      void this.#deliver(job, duty)
        .catch((error: unknown) => {
          if (!this.#context.signal.aborted) this.#context.onTrouble(error);
        })
        .finally(() => {
          this.#known.delete(duty.id);
          this.#open--;
          this.#startNext();
        });
    }
  }

  async #deliver(job: StoredJob, duty: Duty): Promise<void> {
    const { settings, duties, onFailure, signal } = this.#context;
    const target = targetOf(job, duty, settings);
    if (target === null) return duties.fulfil(job.id, duty.id);
    let failure: string | null = null;
    for (const pause of settings.pausesMs) {
      // At random, so that a receiver that comes back does not get all of them at once.
      if (pause > 0) await wait(pause * (0.5 + Math.random()), undefined, { signal, ref: false });
      signal.throwIfAborted();
      const sending = post(job, { target, id: duty.id, settings }).then(async (found) => {
        failure = found;
        if (found === null) await duties.fulfil(job.id, duty.id);
        return found === null;
      });
      this.#sending.add(sending);
      if (await sending.finally(() => this.#sending.delete(sending))) return;
    }
    signal.throwIfAborted();
    onFailure(`the end of the job ${job.id} did not arrive at ${new URL(target.address).host}: ${failure}`);
    await duties.fulfil(job.id, duty.id);
  }
}
