import type { FileRange } from "../../processor/files/zip/byte-range.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { byPath, type ModelSource, type SourceFile } from "./model-source.js";

/** Several archives as one tree, because nnU-Net publishes the trainers of one task in several archives. */
export class UnionSource implements ModelSource {
  readonly address: string;
  readonly #files: readonly SourceFile[];
  readonly #owners: ReadonlyMap<string, ModelSource>;
  readonly #parts: readonly ModelSource[];

  private constructor(
    address: string,
    parts: readonly ModelSource[],
    owned: readonly (SourceFile & Owned)[],
  ) {
    this.address = address;
    this.#parts = parts;
    this.#owners = new Map(owned.map(({ path, owner }) => [path, owner]));
    this.#files = owned.map(({ path, size, digest }) => ({ path, size, digest }));
  }

  /** @throws MODEL_AMBIGUOUS if two archives contain different files with the same name */
  static async of(address: string, parts: readonly ModelSource[]): Promise<UnionSource> {
    const byName = new Map<string, SourceFile & Owned>();
    for (const owner of parts) {
      for (const file of await owner.inventory()) {
        const earlier = byName.get(file.path);
        if (earlier !== undefined && !isSame(earlier, file))
          throw builderError(
            "MODEL_AMBIGUOUS",
            `${earlier.owner.address} and ${owner.address} contain different files ${file.path}`,
          );
        if (earlier === undefined) byName.set(file.path, { ...file, owner });
      }
    }
    return new UnionSource(address, parts, [...byName.values()].sort(byPath));
  }

  async inventory(): Promise<readonly SourceFile[]> {
    return this.#files;
  }

  open(path: string): AsyncIterable<Uint8Array> {
    return this.#ownerOf(path).open(path);
  }

  async locate(path: string): Promise<FileRange> {
    return this.#ownerOf(path).locate(path);
  }

  async asFile(path: string): Promise<string> {
    return this.#ownerOf(path).asFile(path);
  }

  async close(): Promise<void> {
    for (const part of this.#parts) await part.close();
  }

  #ownerOf(path: string): ModelSource {
    const owner = this.#owners.get(path);
    if (owner === undefined) throw builderError("MODEL_FILE_INVALID", `${this.address} has no file ${path}`);
    return owner;
  }
}

interface Owned {
  readonly owner: ModelSource;
}

function isSame(a: SourceFile, b: SourceFile): boolean {
  return a.size === b.size && a.digest !== null && a.digest === b.digest;
}
