import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ProcessorError } from "../../../processor/errors.js";
import type { Progress } from "../../../processor/progress/progress.js";
import { type Blob, hexOf, type ImageIndex, mediaTypes, type OciImage } from "./oci-types.js";
import { storedGzip } from "./stored-gzip.js";
import { tarEnd, tarHeader, tarPadding } from "./tar-header.js";

export interface WriteImageOptions {
  readonly image: OciImage;
  /** A folder for a layout; `….tar` or `….tar.gz` for an archive. */
  readonly path: string;
  readonly overwrite?: boolean;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

export interface WrittenImage {
  readonly path: string;
  readonly bytes: number;
  /** Hexadecimal, of the archive's bytes; null for a folder. */
  readonly sha256: string | null;
  readonly configDigest: string;
  readonly manifestDigest: string;
}

/**
 * Writes the image as an OCI layout folder, beside its place first.
 *
 * @throws OUTPUT_EXISTS, OUTPUT_UNWRITABLE, DISK_FULL
 */
export async function writeOciLayout(options: WriteImageOptions): Promise<WrittenImage> {
  const { image, path } = options;
  return await besideThenInPlace(options, async (partial) => {
    await mkdir(join(partial, "blobs", "sha256"), { recursive: true });
    for (const { name, text } of layoutTexts(image)) await writeFile(join(partial, name), text);
    const task = options.progress.start({
      label: `writing ${path}`,
      total: imageBytes(image),
      unit: "bytes",
    });
    try {
      for (const blob of allBlobs(image))
        await pipeline(
          counted(blob.open(), (bytes) => task.advance(bytes)),
          createWriteStream(join(partial, blobPath(blob)), { flags: "wx" }),
          ...(options.signal ? [{ signal: options.signal }] : []),
        );
    } finally {
      task.done();
    }
    return { bytes: imageBytes(image), sha256: null };
  });
}

/**
 * Writes the image as one file that `docker load` takes: `manifest.json` with exact names first, every layer gzip,
 * and an OCI layout at the same time. No compressor works here, so that the file is the same everywhere.
 *
 * @throws OUTPUT_EXISTS, OUTPUT_UNWRITABLE, DISK_FULL
 */
export async function writeDockerArchive(options: WriteImageOptions): Promise<WrittenImage> {
  const { image, path, progress, signal } = options;
  return await besideThenInPlace(options, async (partial) => {
    const task = progress.start({
      label: `exporting ${image.imageName}`,
      total: imageBytes(image),
      unit: "bytes",
    });
    const hash = createHash("sha256");
    let bytes = 0;
    try {
      const tar = counted(archiveTar(image), (length) => task.advance(length));
      const framed = path.endsWith(".gz") ? storedGzip(tar) : tar;
      await pipeline(
        counted(framed, (length, chunk) => {
          bytes += length;
          hash.update(chunk);
        }),
        createWriteStream(partial, { flags: "wx", flush: true }),
        ...(signal ? [{ signal }] : []),
      );
    } finally {
      task.done();
    }
    return { bytes, sha256: hash.digest("hex") };
  });
}

/** The archive's bytes, for an engine or a registry tool that reads a stream. */
export async function* archiveTar(image: OciImage): AsyncGenerator<Uint8Array> {
  const time = new Date(0);
  for (const { name, text } of [
    { name: "manifest.json", text: dockerManifest(image) },
    ...layoutTexts(image),
  ]) {
    const bytes = Buffer.from(text);
    yield tarHeader({ path: name, kind: "file", mode: 0o644, sizeBytes: bytes.length, time });
    yield bytes;
    yield tarPadding(bytes.length);
  }
  for (const path of ["blobs/", "blobs/sha256/"])
    yield tarHeader({ path, kind: "directory", mode: 0o755, sizeBytes: 0, time });
  for (const blob of allBlobs(image)) {
    const { size } = blob.descriptor;
    yield tarHeader({ path: blobPath(blob), kind: "file", mode: 0o644, sizeBytes: size, time });
    yield* blob.open();
    yield tarPadding(size);
  }
  yield tarEnd();
}

async function besideThenInPlace(
  { image, path, overwrite = false, signal }: WriteImageOptions,
  write: (partial: string) => Promise<Pick<WrittenImage, "bytes" | "sha256">>,
): Promise<WrittenImage> {
  const isThere = async () => (await stat(path).catch(() => null)) !== null;
  if (!overwrite && (await isThere())) throw new ProcessorError("OUTPUT_EXISTS", `${path} is there already`);
  const beside = join(dirname(path), `.${basename(path)}.partial-${randomUUID().slice(0, 8)}`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const written = await write(beside);
    if (!overwrite && (await isThere()))
      throw new ProcessorError("OUTPUT_EXISTS", `${path} is there already`);
    await putInPlace(beside, path, overwrite);
    return {
      path,
      ...written,
      configDigest: image.config.descriptor.digest,
      manifestDigest: image.manifest.descriptor.digest,
    };
  } catch (error) {
    signal?.throwIfAborted();
    throw writeError(error, path);
  } finally {
    await rm(beside, { force: true, recursive: true });
  }
}

/** A folder can't be renamed over another one: the old one steps aside, and comes back if the new one can't. */
async function putInPlace(beside: string, path: string, overwrite: boolean): Promise<void> {
  const isFolder = overwrite && (await stat(path).catch(() => null))?.isDirectory() === true;
  if (!isFolder) {
    await rename(beside, path);
    return;
  }
  const aside = `${beside}-old`;
  await rename(path, aside);
  await rename(beside, path).catch(async (error: unknown) => {
    await rename(aside, path);
    throw error;
  });
  await rm(aside, { recursive: true });
}

const blobPath = ({ descriptor }: Blob): string => `blobs/sha256/${hexOf(descriptor.digest)}`;

/** Each blob once: two layers may be the same. */
const allBlobs = ({ manifest, config, layers }: OciImage): Blob[] => [
  ...new Map([manifest, config, ...layers].map((blob) => [blob.descriptor.digest, blob])).values(),
];

const imageBytes = (image: OciImage): number =>
  allBlobs(image).reduce((sum, { descriptor }) => sum + descriptor.size, 0);

function layoutTexts({
  imageName,
  manifest,
  architecture,
}: OciImage): { readonly name: string; readonly text: string }[] {
  const annotations = {
    "io.containerd.image.name": imageName,
    "org.opencontainers.image.ref.name": imageName,
  };
  const index: ImageIndex = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [{ ...manifest.descriptor, annotations, platform: { os: "linux", architecture } }],
  };
  return [
    { name: "index.json", text: JSON.stringify(index) },
    { name: "oci-layout", text: JSON.stringify({ imageLayoutVersion: "1.0.0" }) },
  ];
}

function dockerManifest(image: OciImage): string {
  const { imageName, config, layers } = image;
  const hasTag = imageName.lastIndexOf(":") > imageName.lastIndexOf("/");
  const RepoTags = [hasTag ? imageName : `${imageName}:latest`];
  return JSON.stringify([{ Config: blobPath(config), RepoTags, Layers: layers.map(blobPath) }]);
}

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  count: (length: number, chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    count(chunk.length, chunk);
    yield chunk;
  }
}

function writeError(error: unknown, path: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const options = { cause: error };
  if (code === "ENOSPC" || code === "EDQUOT")
    return new ProcessorError("DISK_FULL", `no space left while writing ${path}`, options);
  if (["EACCES", "EPERM", "EROFS", "ENOTDIR"].includes(code))
    return new ProcessorError("OUTPUT_UNWRITABLE", `${path} can't be written`, options);
  return error;
}
