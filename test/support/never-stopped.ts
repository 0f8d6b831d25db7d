/** A signal of work that nobody stops. */
export const neverStopped = (): AbortSignal => new AbortController().signal;
