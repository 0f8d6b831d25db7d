/** A model that the server offers. */
export interface ServedModel {
  readonly id: string;
  readonly name: string;
  readonly aliases: readonly string[];
  /** The text that its folder's path must contain; null for a model of an image. */
  readonly relPath: string | null;
  /** Its folder; null if it is missing. */
  readonly path: string | null;
  /** Why it cannot be used; null if it can. */
  readonly error: string | null;
  /** As the spec gives it. */
  readonly metadata: unknown;
  readonly minMemoryMib: number;
  readonly defaultArgs: Readonly<Record<string, unknown>>;
  readonly totalsegTask: string | null;
  /** `dataset.json`, or what an image's manifest says of it; null if the model is missing. */
  readonly information: Readonly<Record<string, unknown>> | null;
  readonly channels: readonly string[];
  readonly labels: readonly { readonly name: string; readonly value: unknown }[];
  /** Bytes of its weights; null if unknown. */
  readonly weightBytes: number | null;
  readonly license: string | null;
}

/** The models of a server, by id, name and alias. */
export class ServedModels {
  readonly all: readonly ServedModel[];
  readonly #byName: ReadonlyMap<string, ServedModel>;

  constructor(all: readonly ServedModel[]) {
    this.all = all;
    this.#byName = new Map(
      all.flatMap((model) => [model.id, model.name, ...model.aliases].map((name) => [name, model] as const)),
    );
  }

  find(name: string): ServedModel | null {
    return this.#byName.get(name) ?? null;
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()];
  }
}
