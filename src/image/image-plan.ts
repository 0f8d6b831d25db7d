/**
 * Everything that an image is made of, without a word on who builds it. Builders lay the layers on the base in
 * the order given: what changes least often comes first, so that a change re-does only its own layer.
 */
export interface ImagePlan {
  /** `[registry/]name:tag`. */
  readonly imageName: string;
  readonly base: ImageBase;
  readonly platform: ImagePlatform;
  readonly layers: readonly ImageLayer[];
  /** Of every file that Docker copies; `layerFileTime` when absent. */
  readonly fileTime?: Date;
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** `uid:gid`. */
  readonly user: string;
  readonly workingDir: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

export const imagePlatforms = ["linux/amd64", "linux/arm64"] as const;

export type ImagePlatform = (typeof imagePlatforms)[number];

/** As OCI's documents and Debian call it. */
export const architectureOf = (platform: ImagePlatform): "amd64" | "arm64" =>
  platform === "linux/amd64" ? "amd64" : "arm64";

/** What the first layer is laid on: another image, or the `.tar` of a root file system. */
export type ImageBase =
  | { readonly kind: "image"; readonly imageName: string }
  | { readonly kind: "root-file-system"; readonly archive: string };

/** A group of files that change together. All of them belong to root; times are fixed by the builder. */
export interface ImageLayer {
  /** Unique in the plan: its folder in a build context. Lower-case letters, digits, `-` and `_`. */
  readonly name: string;
  readonly entries: readonly LayerEntry[];
}

export type LayerEntry = LayerFile | LayerDirectory;

export interface LayerFile {
  readonly kind: "file";
  /** Where in the image, POSIX separators, without the slash at the start. */
  readonly path: string;
  readonly source: FileSource;
  readonly mode: number;
}

/** A folder that is there although nothing is in it, or whose mode matters. */
export interface LayerDirectory {
  readonly kind: "directory";
  readonly path: string;
  readonly mode: number;
}

/** Where a file's bytes come from: a file, streamed from where it lies, or a text that was rendered. */
export type FileSource = { readonly file: string; readonly known?: KnownFile } | { readonly text: string };

/** A file whose bytes are known; it may not be there before it is needed. */
export interface KnownFile {
  /** Hexadecimal. */
  readonly sha256: string;
  /** Puts it in its place, once. */
  readonly write: () => Promise<void>;
}

/** The time of every file in a layer: nothing in an image depends on when it was built. */
export const layerFileTime = new Date(0);

/**
 * Of the files that Docker lays over those of a base: engines that compare folders to find out what a layer changes (vfs)
 * take a file of the same size and time for the same file.
 */
export const overlaidFileTime = new Date(1000);

/** A file that programs may read and nobody may change. */
export const layerFile = (path: string, source: FileSource, mode = 0o644): LayerFile => ({
  kind: "file",
  path,
  source,
  mode,
});

/** Entries of one layer in the order of their names, so that the same files always give the same layer. */
export const sortedEntries = (entries: readonly LayerEntry[]): LayerEntry[] =>
  entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
