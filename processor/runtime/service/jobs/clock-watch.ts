/** If the time of day jumps by more than this between two looks, it is not trusted at once. */
const mostJumpMs = 3_600_000;

/** Notices that the time of day was set, because it compares it with a clock that nobody can set. */
export class ClockWatch {
  #wallMs = Date.now();
  #steadyMs = performance.now();

  /** Returns by how much the time was set since the last look, if that is more than an hour; null otherwise. */
  jumpMs(): number | null {
    const [wallMs, steadyMs] = [Date.now(), performance.now()];
    const jump = wallMs - this.#wallMs - (steadyMs - this.#steadyMs);
    this.#wallMs = wallMs;
    this.#steadyMs = steadyMs;
    return Math.abs(jump) > mostJumpMs ? Math.round(jump) : null;
  }
}
