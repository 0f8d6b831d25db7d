import { createHmac } from "node:crypto";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { StoredJob } from "../jobs/stored-job.js";
import { publicAddressOf, type WebhookSettings } from "./webhook-rules.js";

const attemptMs = 10_000;
const mostWaiting = 1000;

export interface WebhookContext {
  readonly settings: WebhookSettings;
  /** Receives a line about an end that did not arrive. */
  readonly onFailure: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Sends the ends of jobs. It never keeps a job waiting: what does not arrive after the last attempt is logged. */
export function openWebhooks({ settings, onFailure, signal }: WebhookContext): (job: StoredJob) => void {
  let waiting = 0;
  const deliver = async (job: StoredJob, { address, isOperators }: Target): Promise<void> => {
    const url = new URL(address);
    const body = bodyOf(job);
    for (const [attempt, pause] of settings.pausesMs.entries()) {
      // Servers that come back are not asked by all at once.
      await wait(pause * (0.5 + Math.random()), undefined, { signal, ref: false });
      const failure = await post(url, body, { settings, isOperators }).catch((error: unknown) =>
        error instanceof Error ? error.message : String(error),
      );
      if (failure === null) return;
      if (attempt === settings.pausesMs.length - 1)
        onFailure(`the end of the job ${job.id} did not arrive at ${url.host}: ${failure}`);
    }
  };
  return (job) => {
    for (const target of targetsOf(job, settings)) {
      if (waiting >= mostWaiting) {
        onFailure(`the end of the job ${job.id} is not sent: ${mostWaiting} others wait`);
        continue;
      }
      waiting++;
      void deliver(job, target)
        .catch(() => {})
        .finally(() => waiting--);
    }
  };
}

interface Target {
  readonly address: string;
  readonly isOperators: boolean;
}

interface AfterwardsRequest {
  readonly update_url?: string | null;
  readonly update_format?: "json" | "form" | null;
}

function targetsOf({ request }: StoredJob, { url }: WebhookSettings): readonly Target[] {
  const { update_url: own = null } = (request ?? {}) as AfterwardsRequest;
  return [
    ...(url === null ? [] : [{ address: url, isOperators: true }]),
    ...(own === null || own === url ? [] : [{ address: own, isOperators: false }]),
  ];
}

interface Body {
  readonly type: string;
  readonly text: string;
}

/** nnunet_serve's words for the end of a job. */
function bodyOf({ id, state, result, error, request }: StoredJob): Body {
  const isEmpty = result?.stages.every(({ is_empty }) => is_empty) ?? false;
  const status = {
    job_id: id,
    status: state === "done" ? (isEmpty ? "done_no_output" : "done") : "failed",
    output_error:
      error === null
        ? state === "done"
          ? ""
          : `the job is ${state}`
        : `${error.code}: ${error.message.split("\n")[0]}`,
    output_log: isEmpty ? "No lesion detected" : "",
  };
  return (request as AfterwardsRequest | null)?.update_format === "form"
    ? { type: "application/x-www-form-urlencoded", text: new URLSearchParams(status).toString() }
    : { type: "application/json", text: JSON.stringify(status) };
}

/** @returns why it did not arrive; null if it did */
async function post(
  url: URL,
  { type, text }: Body,
  {
    settings: { allowedHosts, secret },
    isOperators,
  }: { readonly settings: WebhookSettings; readonly isOperators: boolean },
): Promise<string | null> {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  // The address that was checked is the one that is used, whatever the name leads to a moment later.
  const address = isOperators ? host : await publicAddressOf(host, allowedHosts);
  const signature =
    secret === null
      ? {}
      : { "x-signature-256": `sha256=${createHmac("sha256", secret).update(text).digest("hex")}` };
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send({
      host: address,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      port: url.port,
      path: `${url.pathname}${url.search}`,
      method: "POST",
      timeout: attemptMs,
      signal: AbortSignal.timeout(attemptMs),
      headers: {
        host: url.host,
        "content-type": type,
        "content-length": Buffer.byteLength(text),
        "user-agent": "nnunet-processor",
        ...signature,
      },
    });
    request.once("error", reject);
    request.once("response", (response) => {
      response.resume();
      const { statusCode = 0 } = response;
      resolve(statusCode >= 200 && statusCode < 300 ? null : `the server answers ${statusCode}`);
    });
    request.end(text);
  });
}
