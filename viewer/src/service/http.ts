/** An answer of the service that is not what was asked for, with what the user can do about it. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  /** The HTTP status; 0 if the service did not answer. */
  readonly status: number;
  readonly code: string;
  readonly remedy: string;

  constructor(status: number, code: string, message: string, remedy: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.remedy = remedy;
  }
}

/** The header that shows that a request comes from this page: pages of other sites cannot set it. */
const csrfHeader = "x-csrf-token";

/** Sends requests to the service that this page comes from. */
export class ServiceClient {
  /** The value of the CSRF header; null if the service asks for no log-in. */
  csrf: string | null = null;

  async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    const response = await this.send(path, init);
    return (await response.json()) as T;
  }

  postJson<T>(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<T> {
    const init = { method: "POST", body: JSON.stringify(body) };
    return this.json<T>(path, { ...init, headers: { "content-type": "application/json", ...headers } });
  }

  /** Sends a request, and throws a ServiceError unless it succeeds. */
  async send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.csrf !== null && (init.method ?? "GET") !== "GET") headers.set(csrfHeader, this.csrf);
    let response: Response;
    try {
      response = await fetch(path, { ...init, headers, credentials: "same-origin" });
    } catch (error) {
      if (init.signal?.aborted === true) throw error;
      throw new ServiceError(
        0,
        "NO_ANSWER",
        "The service does not answer.",
        "Check the connection; this page tries again by itself.",
      );
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  }
}

interface ErrorBody {
  readonly error?: string;
  readonly code?: string;
  readonly help?: string;
}

async function errorOf(response: Response): Promise<ServiceError> {
  const body = await bodyOf(response);
  const wait = response.headers.get("retry-after");
  const remedy = body.help ?? (wait === null ? "Try again." : `Try again in ${wait} seconds.`);
  return new ServiceError(
    response.status,
    body.code ?? `HTTP_${response.status}`,
    body.error ?? `The service answered ${response.status} ${response.statusText}.`,
    remedy,
  );
}

async function bodyOf(response: Response): Promise<ErrorBody> {
  try {
    return (await response.json()) as ErrorBody;
  } catch {
    return {}; // a proxy may answer with a page
  }
}
