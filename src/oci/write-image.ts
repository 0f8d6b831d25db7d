import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../processor/files/partial-path.js";
import { outputError } from "../../processor/files/write-file.js";
import { putInPlace, requireAbsent } from "../ground/files/output-file.js";
import type { ImageIndex } from "./oci-shapes.js";
import { type Blob, hexOf, mediaTypes, type OciImage } from "./oci-types.js";
import { storedGzip } from "./stored-gzip.js";
import { tarEnd, tarHeader, tarPadding } from "./tar-header.js";

export interface WriteImageOptions {
  readonly image: OciImage;
  /** `….tar` or `….tar.gz` */
  readonly path: string;
  /**
   * Path that the file is written to; differs from `path` if it is renamed later, together with other files.
   */
  readonly writtenTo?: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface WrittenImage {
  readonly path: string;
  readonly bytes: number;
  /** Hexadecimal, of the archive's bytes. */
  readonly sha256: string;
  readonly configDigest: string;
  readonly manifestDigest: string;
}

/**
 * Writes the image as one file for `docker load`: `manifest.json` with exact names first, every layer as
 * gzip, and at the same time an OCI layout. The file itself is not compressed, so it is the same on every
 * machine.
 */
export async function writeDockerArchive(options: WriteImageOptions): Promise<WrittenImage> {
  const { image, path, writtenTo = path, progress, signal } = options;
  await requireAbsent(writtenTo);
  const partial = await partialPathNextTo(path);
  const task = progress.start({
    label: `exporting ${image.imageName}`,
    total: imageBytes(image),
    unit: "bytes",
  });
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    await makeFolder(dirname(path));
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
    await putInPlace(partial, writtenTo);
  } catch (error) {
    signal.throwIfAborted();
    throw outputError(path, error);
  } finally {
    task.done();
    await rm(partial, { force: true });
  }
  return {
    path,
    bytes,
    sha256: hash.digest("hex"),
    configDigest: image.config.descriptor.digest,
    manifestDigest: image.manifest.descriptor.digest,
  };
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
