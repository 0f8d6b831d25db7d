import type { InstanceStore, StoredSeries } from "../store/instance-store.js";
import { isImage } from "./routing-rules.js";

export interface SeriesWatchOptions {
  readonly store: InstanceStore;
  /** A series is complete when nothing has come for so long. */
  readonly quietMs: number;
  readonly onComplete: (series: StoredSeries) => void;
}

/**
 * Notices when a series is complete: as many images have come as it says that it has, or none has come for a while. Images
 * that come later complete it again.
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

  /** Waits for the end of a series, from now on. */
  expect(study: string, series: string): void {
    const key = `${study} ${series}`;
    clearTimeout(this.#timers.get(key));
    const { store, quietMs, onComplete } = this.#options;
    const found = store.series(study, series);
    const timer = setTimeout(
      () => {
        this.#timers.delete(key);
        const complete = store.series(study, series);
        if (complete !== null) onComplete(complete);
      },
      found !== null && isWhole(found) ? 0 : quietMs,
    );
    this.#timers.set(key, timer);
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** Returns whether all images have come that the series says it has (NumberOfSeriesRelatedInstances). */
function isWhole({ instances }: StoredSeries): boolean {
  const [first] = instances.values();
  const announced = Number(first?.attributes["00201209"]?.Value?.[0] ?? 0);
  return announced > 0 && instances.size >= announced;
}
