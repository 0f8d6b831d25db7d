import type { FastifyError } from "fastify";
import { ProcessorError } from "../../contract/errors.js";
import { systemError } from "../../files/system-error.js";
import { memoryError } from "../run/memory-limit.js";
import { bugAnswer, serviceError } from "./errors.js";

/** The body of every answer that reports an error. */
export interface ErrorBody {
  readonly status: "failed";
  readonly code: string;
  readonly error: string;
  readonly help: string;
  /** All faults of a request, as FastAPI writes them; absent for other errors. */
  readonly detail?: readonly FaultDetail[];
}

export interface FaultDetail {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
}

/** A request that does not fit its schema, with all faults. */
export class RequestFaults extends Error {
  override readonly name = "RequestFaults";
  readonly detail: readonly FaultDetail[];

  constructor(detail: readonly FaultDetail[]) {
    super(detail.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; "));
    this.detail = detail;
  }
}

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorBody;
  /** True for an error outside the catalogues, which the log shows with its place in the program. */
  readonly isBug: boolean;
}

/** The seconds after which a client tries again. */
const retryAfterSeconds = "10";

/** Returns the answer for an error. The answer for a bug reveals nothing about the program. */
export function errorAnswer(thrown: unknown): ErrorAnswer {
  if (thrown instanceof RequestFaults) {
    const { code, message, help, httpStatus: status } = serviceError("REQUEST_INVALID", thrown.message);
    const { detail } = thrown;
    return {
      status,
      headers: {},
      isBug: false,
      body: { status: "failed", code, error: message, help, detail },
    };
  }
  const known = knownError(systemError(memoryError(thrown)));
  if (known === null) {
    const { code, message, help } = bugAnswer;
    return {
      status: 500,
      headers: {},
      isBug: true,
      body: { status: "failed", code, error: message, help },
    };
  }
  const { code, message, help } = known;
  const status = statusOf(known);
  const headers = {
    ...([429, 503].includes(status) ? { "retry-after": retryAfterSeconds } : {}),
    ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
  };
  return { status, headers, isBug: false, body: { status: "failed", code, error: message, help } };
}

/** Returns a body whose message does not say where the server keeps its files. */
export const withoutServerFolder = (body: ErrorBody, folder: string): ErrorBody => ({
  ...body,
  error: body.error.replaceAll(`${folder}/`, ""),
});

/** Faults of the input are the client's (400), whatever program finds them. */
const statusOf = ({ httpStatus, exitCode, code }: ProcessorError): number =>
  exitCode === 4 && [404, 422].includes(httpStatus) && code !== "REQUEST_INVALID" ? 400 : httpStatus;

function knownError(error: unknown): ProcessorError | null {
  if (error instanceof ProcessorError) return error;
  const { code, statusCode, message } = (error ?? {}) as Partial<FastifyError>;
  // Node throws this if the client disconnects while it sends the body; then nobody reads the answer.
  if (code === "ECONNRESET" && message === "aborted")
    return serviceError("REQUEST_INVALID", "the connection ended before the body");
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE" || statusCode === 413)
    return serviceError("UPLOAD_TOO_LARGE", message ?? "the body is too large");
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE" || statusCode === 415)
    return serviceError("MEDIA_TYPE_UNKNOWN", message ?? "the kind of the body is unknown");
  if (statusCode === 429) return serviceError("RATE_LIMITED", message ?? "too many requests");
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return serviceError("REQUEST_INVALID", message ?? "the request cannot be read");
  return null;
}
