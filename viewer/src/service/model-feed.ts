import type { ServiceClient } from "./http.js";
import { listModels } from "./jobs.js";
import type { Model } from "./types.js";

const pollMs = 2000;

/** Follows the models of the service until none is loading. */
export class ModelFeed {
  readonly #client: ServiceClient;
  readonly #onChange: (models: readonly Model[]) => void;
  readonly #onFailure: (error: Error) => void;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isClosed = false;
  #known = "";

  constructor(
    client: ServiceClient,
    onChange: (models: readonly Model[]) => void,
    onFailure: (error: Error) => void,
  ) {
    this.#client = client;
    this.#onChange = onChange;
    this.#onFailure = onFailure;
  }

  async refresh(): Promise<void> {
    try {
      const models = await listModels(this.#client);
      if (this.#isClosed) return;
      if (models.some(({ state }) => state === "loading"))
        this.#timer = setTimeout(() => void this.refresh(), pollMs);
      const found = JSON.stringify(models);
      if (found === this.#known) return;
      this.#known = found;
      this.#onChange(models);
    } catch (error) {
      if (!this.#isClosed) this.#onFailure(error as Error);
    }
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
