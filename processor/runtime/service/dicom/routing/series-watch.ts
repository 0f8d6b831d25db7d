import type { InstanceStore, StoredSeries } from "../store/instance-store.js";
import { isImage } from "./routing-rules.js";

export interface SeriesWatchOptions {
  readonly store: InstanceStore;
  /** A series is complete when no image has arrived for this time. */
  readonly quietMs: number;
  readonly onComplete: (series: StoredSeries) => void;
}

/**
 * Notices when a series is complete: as many images have come as it says that it has, its whole study was stored at once,
 * or none has come for a while. Images that come later complete it again.
 */
export class SeriesWatch {
  readonly #options: SeriesWatchOptions;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(options: SeriesWatchOptions) {
    this.#options = options;
    options.store.onArrival(({ instance: { uids, sopClassUid }, isNew }) => {
      if (isNew && isImage(sopClassUid)) this.expect(uids.study, uids.series);
    });
  }

  /** Waits for the end of a series, from now on and at least for a time. */
  expect(study: string, series: string, atLeastMs = 0): void {
    const { store, quietMs } = this.#options;
    const found = store.series(study, series);
    const waitMs = found !== null && isWhole(found) ? 0 : quietMs;
    const key = keyOf(study, series);
    clearTimeout(this.#timers.get(key));
    this.#timers.set(
      key,
      setTimeout(() => this.#finish(study, series), Math.max(waitMs, atLeastMs)),
    );
  }

  /** Completes the series of a study that still wait, because its sender says that the study is whole. */
  finishStudy(study: string): void {
    for (const { uid } of this.#options.store.seriesOf(study))
      if (this.#timers.has(keyOf(study, uid))) this.#finish(study, uid);
  }

  #finish(study: string, series: string): void {
    const key = keyOf(study, series);
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    const { store, onComplete } = this.#options;
    const complete = store.series(study, series);
    if (complete !== null) onComplete(complete);
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}

const keyOf = (study: string, series: string): string => `${study} ${series}`;

/** Returns whether all images have come that the series says it has (NumberOfSeriesRelatedInstances). */
function isWhole({ instances }: StoredSeries): boolean {
  const [first] = instances.values();
  const announced = Number(first?.attributes["00201209"]?.Value?.[0] ?? 0);
  return announced > 0 && instances.size >= announced;
}
