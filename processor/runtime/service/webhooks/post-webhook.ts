import { createHmac } from "node:crypto";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import type { StoredJob } from "../jobs/stored-job.js";
import { publicAddressOf, requireAllowedWebhook, type WebhookSettings } from "./webhook-rules.js";

const attemptMs = 10_000;

export interface WebhookTarget {
  readonly address: string;
  /** False for an address that a request named. */
  readonly isOperators: boolean;
}

export interface PostOptions {
  readonly target: WebhookTarget;
  /** The same for each attempt, so that a receiver recognises what it has had already. */
  readonly id: string;
  readonly settings: WebhookSettings;
}

/**
 * Sends the end of a job once.
 *
 * @returns why it did not arrive; null if it did
 */
export const post = (job: StoredJob, options: PostOptions): Promise<string | null> =>
  postBody(bodyOf(job), options).catch((error: unknown) =>
    error instanceof Error ? error.message : String(error),
  );

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
  return (request as { readonly update_format?: unknown } | null)?.update_format === "form"
    ? { type: "application/x-www-form-urlencoded", text: new URLSearchParams(status).toString() }
    : { type: "application/json", text: JSON.stringify(status) };
}

async function postBody(
  { type, text }: Body,
  { target: { address: written, isOperators }, id, settings }: PostOptions,
): Promise<string | null> {
  // The operator may have taken back the permission since the job was sent.
  if (!isOperators) requireAllowedWebhook(written, settings);
  const { allowedHosts, secret } = settings;
  const url = new URL(written);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  // Connects to the address that was checked, because the name may lead to another one a moment later.
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
        "webhook-id": id,
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
