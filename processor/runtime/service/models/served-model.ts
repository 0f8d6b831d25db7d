import type { ModelSource } from "./model-source.js";

/** A model that the server offers. */
export interface ServedModel {
  readonly id: string;
  readonly name: string;
  readonly aliases: readonly string[];
  /** The text that its folder's path must contain; null for a model of an image. */
  readonly relPath: string | null;
  /** Its folder; null if it is missing, or is being fetched. */
  readonly path: string | null;
  /** Why it cannot be used; null if it can. */
  readonly error: string | null;
  /** As the spec gives it. */
  readonly metadata: unknown;
  readonly minMemoryMib: number;
  readonly defaultArgs: Readonly<Record<string, unknown>>;
  /** Null for a folder of nnU-Net, and for the model of an image. */
  readonly source: ModelSource | null;
  /** `dataset.json`, or what an image's manifest says of it; null if the model is missing. */
  readonly information: Readonly<Record<string, unknown>> | null;
  readonly channels: readonly string[];
  readonly labels: readonly { readonly name: string; readonly value: unknown }[];
  /** Bytes of its weights; null if unknown. */
  readonly weightBytes: number | null;
  readonly license: string | null;
}

/** What is read in the folder of a model. */
export type ModelFacts = Pick<ServedModel, "information" | "channels" | "labels" | "weightBytes" | "license">;

/** How a model is. While it is `loading`, it is being fetched or converted, or its networks are being loaded. */
export const modelStates = ["ready", "loading", "missing", "failed"] as const;

export type ModelState = (typeof modelStates)[number];

/** The models of a server, by id, name and alias. */
export class ServedModels {
  readonly #models: Map<string, ServedModel>;
  /** The id of each name. */
  readonly #ids: ReadonlyMap<string, string>;
  readonly #loading = new Set<string>();

  constructor(all: readonly ServedModel[]) {
    this.#models = new Map(all.map((model) => [model.id, model]));
    this.#ids = new Map(
      all.flatMap(({ id, name, aliases }) => [id, name, ...aliases].map((word) => [word, id] as const)),
    );
  }

  get all(): readonly ServedModel[] {
    return [...this.#models.values()];
  }

  find(name: string): ServedModel | null {
    return this.#models.get(this.#ids.get(name) ?? "") ?? null;
  }

  get names(): readonly string[] {
    return [...this.#ids.keys()];
  }

  stateOf({ id, error, path }: ServedModel): ModelState {
    if (error !== null) return path === null ? "missing" : "failed";
    return path === null || this.#loading.has(id) ? "loading" : "ready";
  }

  /** Says whether a model is being made ready. */
  markLoading(id: string, isLoading: boolean): void {
    if (isLoading) this.#loading.add(id);
    else this.#loading.delete(id);
  }

  /** Notes the folder of a model that was fetched. */
  place(id: string, path: string, facts: ModelFacts): void {
    this.#models.set(id, { ...this.#models.get(id)!, ...facts, path });
  }

  /** Takes a model out of use, with the reason. */
  fail(id: string, error: string): void {
    this.#models.set(id, { ...this.#models.get(id)!, error });
  }
}
