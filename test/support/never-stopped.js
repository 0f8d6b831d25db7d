/** A signal of work that nobody stops. */
export const neverStopped = () => new AbortController().signal;
//# sourceMappingURL=never-stopped.js.map
