import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { whyNotFound } from "../../processor/files/why-unreadable.js";
import type { FileRange } from "../../processor/files/zip/byte-range.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { byPath, type ModelSource, type SourceFile } from "./model-source.js";

/** A folder of the user, so links in it are followed. */
export class FolderSource implements ModelSource {
  readonly address: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.address = folder;
    this.#folder = folder;
  }

  /** @throws MODEL_NOT_FOUND */
  static async open(folder: string): Promise<FolderSource> {
    const found = await stat(folder).catch(async (cause: unknown) => {
      throw sharedError("MODEL_NOT_FOUND", `${folder}${await whyNotFound(folder, cause)}`, { cause });
    });
    if (!found.isDirectory())
      throw sharedError("MODEL_NOT_FOUND", `${folder} is neither a folder nor a .zip`);
    return new FolderSource(folder);
  }

  async inventory(): Promise<readonly SourceFile[]> {
    const files: SourceFile[] = [];
    await this.#list("", files, new Set());
    return files.sort(byPath);
  }

  open(path: string): AsyncIterable<Uint8Array> {
    return createReadStream(join(this.#folder, path), { highWaterMark: 1 << 20 });
  }

  async locate(path: string): Promise<FileRange> {
    const file = join(this.#folder, path);
    const { size } = await stat(file).catch((cause: unknown) => {
      throw builderError("MODEL_FILE_INVALID", `${this.#folder} has no file ${path}`, { cause });
    });
    return { file, offset: 0, size };
  }

  async asFile(path: string): Promise<string> {
    return (await this.locate(path)).file;
  }

  async close(): Promise<void> {}

  async #list(below: string, files: SourceFile[], visited: Set<string>): Promise<void> {
    const folder = join(this.#folder, below);
    const real = await realpath(folder);
    if (visited.has(real)) return; // a link to a parent folder
    visited.add(real);
    for (const name of await readdir(folder)) {
      const path = below === "" ? name : `${below}/${name}`;
      const found = await stat(join(this.#folder, path)).catch(() => null); // null for a broken link
      if (found?.isDirectory()) await this.#list(path, files, visited);
      else if (found?.isFile()) files.push({ path, size: found.size, digest: null });
    }
  }
}
