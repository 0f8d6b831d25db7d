/**
 * The contents of an image, independent of the builder. Builders add the layers to the base in this order. Layers that
 * change least often come first, so that a change rebuilds as few layers as possible.
 */
export interface ImagePlan {
  /** `[registry/]name:tag`. */
  readonly imageName: string;
  readonly base: ImageBase;
  readonly platform: ImagePlatform;
  readonly layers: readonly ImageLayer[];
  /** The modification time of every file that Docker copies; `layerFileTime` if absent. */
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

/** Returns the platform's architecture, as OCI and Debian name it. */
export const architectureOf = (platform: ImagePlatform): "amd64" | "arm64" =>
  platform === "linux/amd64" ? "amd64" : "arm64";

/** The base of the first layer: another image, or the `.tar` of a root file system. */
export type ImageBase =
  | { readonly kind: "image"; readonly imageName: string }
  | { readonly kind: "root-file-system"; readonly archive: string };

/** A group of files that change together. Root owns all of them; the builder sets their times. */
export interface ImageLayer {
  /** The layer's folder in a build context, unique in the plan: lower-case letters, digits, `-` and `_`. */
  readonly name: string;
  readonly entries: readonly LayerEntry[];
  /** True for a layer that is made rarely and sent often, so that more work on its size is worthwhile; false if absent. */
  readonly isLasting?: boolean;
}

export type LayerEntry = LayerFile | LayerDirectory;

export interface LayerFile {
  readonly kind: "file";
  /** The path in the image, with POSIX separators and without a slash at the start. */
  readonly path: string;
  readonly source: FileSource;
  readonly mode: number;
}

/** A folder that may be empty, or whose mode matters. */
export interface LayerDirectory {
  readonly kind: "directory";
  readonly path: string;
  readonly mode: number;
}

/** The source of a file's bytes: a file that is streamed, or a text. */
export type FileSource = { readonly file: string; readonly known?: KnownFile } | { readonly text: string };

/** A file with a known digest. It is created only when needed, by `write`. */
export interface KnownFile {
  /** The digest in hexadecimal. */
  readonly sha256: string;
  /** Creates the file, once. */
  readonly write: () => Promise<void>;
}

/** The time of every file in a layer, so that no file depends on the time of the build. */
export const layerFileTime = new Date(0);

/**
 * The time of files that Docker adds over those of a base. It differs from `layerFileTime`, because storage drivers that
 * compare folders (vfs) take two files with the same size and time for the same file.
 */
export const overlaidFileTime = new Date(1000);

/** Returns a file that all users may read and only root may change. */
export const layerFile = (path: string, source: FileSource, mode = 0o644): LayerFile => ({
  kind: "file",
  path,
  source,
  mode,
});

/** Sorts the entries of a layer by name, so that the same files always give the same layer. */
export const sortedEntries = (entries: readonly LayerEntry[]): LayerEntry[] =>
  entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
