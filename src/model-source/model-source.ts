import type { FileRange } from "../archive/byte-range.js";

/** One file of a model, before its bytes are moved. */
export interface SourceFile {
  /** Below the source's root, with forward slashes. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** `crc32:…` as the archive's directory says; null in a folder, where only reading would tell. */
  readonly digest: string | null;
}

/** A place trained weights come from, bound to one address. */
export interface ModelSource {
  /** As the user wrote it. */
  readonly address: string;
  /** Files, sizes and digests, without moving the bytes. Sorted by path. */
  inventory(): Promise<readonly SourceFile[]>;
  /** A file's bytes in order; verified against the inventory's size and digest by the time they end. */
  open(path: string): AsyncIterable<Uint8Array>;
  /**
   * Where the file's bytes lie on this disk, for readers that jump about in it: in the folder, inside the
   * archive when they are stored there as they are, or unpacked once into the cache. Verified.
   */
  locate(path: string): Promise<FileRange>;
  /** The path of a local file with these bytes and no others, for readers that take a path. Verified. */
  asFile(path: string): Promise<string>;
  close(): Promise<void>;
}

export const byPath = (a: { readonly path: string }, b: { readonly path: string }): number =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
