import type { FileRange } from "../../processor/files/zip/byte-range.js";

/** A file of a model whose bytes have not been read. */
export interface SourceFile {
  /** Path relative to the source's root, with forward slashes. */
  readonly path: string;
  /** Size in bytes. */
  readonly size: number;
  /** `crc32:…` from the archive's directory; null in a folder, because the file would have to be read. */
  readonly digest: string | null;
}

/** A source of trained weights with one address. */
export interface ModelSource {
  /** The address as the user wrote it. */
  readonly address: string;
  /** Returns files, sizes and digests without reading the bytes. Sorted by path. */
  inventory(): Promise<readonly SourceFile[]>;
  /** Yields a file's bytes in order. Verifies them against the inventory's size and digest before the end. */
  open(path: string): AsyncIterable<Uint8Array>;
  /**
   * Returns the local position of the file's bytes, for random access: in the folder, inside the archive if
   * they are stored uncompressed, or unpacked once into the cache. Verified.
   */
  locate(path: string): Promise<FileRange>;
  /** Returns the path of a local file with exactly these bytes, for readers that need a path. Verified. */
  asFile(path: string): Promise<string>;
  close(): Promise<void>;
}

export const byPath = (a: { readonly path: string }, b: { readonly path: string }): number =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
