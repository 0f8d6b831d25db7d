/** A signal of work that nobody stops. */
export declare const neverStopped: () => AbortSignal;
