import { TarError } from "../../processor/files/tar/read-tar.js";

/** An image has up to 127 layers, and the oldest format adds two small files for each. */
const maxEntries = 10_000;
const maxDocumentsMib = 64;

/** Counts the entries of an image archive that a reader keeps, and refuses more than any image has. */
export class ArchiveLimits {
  #entries = 0;
  #documentBytes = 0;

  /** @throws TarError */
  addEntry(): void {
    if (++this.#entries > maxEntries) throw new TarError(`it has more than ${maxEntries} entries`);
  }

  /** @throws TarError */
  addDocument(sizeBytes: number): void {
    this.#documentBytes += sizeBytes;
    if (this.#documentBytes > maxDocumentsMib << 20)
      throw new TarError(`its JSON files have more than ${maxDocumentsMib} MiB together`);
  }
}
