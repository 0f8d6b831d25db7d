import type { Progress } from "../../processor/contract/progress/progress.js";
import { outputError } from "../../processor/files/write-file.js";
import { withCount } from "../ground/files/with-count.js";
import { type DigestedFile, type OutputPlace, writeDigested } from "../ground/files/write-digested.js";
import { splitTag } from "../ground/image-name.js";
import type { ImageIndex } from "./oci-shapes.js";
import { type Blob, hexOf, mediaTypes, type OciImage } from "./oci-types.js";
import { storedGzip } from "./stored-gzip.js";
import { tarEnd, tarHeader, tarPadding } from "./tar-header.js";

export interface WriteImageOptions extends OutputPlace {
  readonly image: OciImage;
  readonly progress: Progress;
}

export interface WrittenImage extends DigestedFile {
  readonly configDigest: string;
  readonly manifestDigest: string;
}

/**
 * Writes the image as one file for `docker load`: `manifest.json` with exact names first, every layer as
 * gzip, and at the same time an OCI layout. The file itself is not compressed, so it is the same on every
 * machine.
 *
 * @param options `path` ends in `.tar` or `.tar.gz`
 */
export async function writeDockerArchive(options: WriteImageOptions): Promise<WrittenImage> {
  const { image, path, progress, signal } = options;
  const task = progress.start({
    label: `exporting ${image.imageName}`,
    total: imageBytes(image),
    unit: "bytes",
  });
  try {
    const tar = withCount(archiveTar(image), task.advance);
    return {
      ...(await writeDigested(path.endsWith(".gz") ? storedGzip(tar) : tar, options)),
      configDigest: image.config.descriptor.digest,
      manifestDigest: image.manifest.descriptor.digest,
    };
  } catch (error) {
    signal.throwIfAborted();
    throw outputError(path, error);
  } finally {
    task.done();
  }
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
  const hasTag = splitTag(imageName).tag !== null;
  const RepoTags = [hasTag ? imageName : `${imageName}:latest`];
  return JSON.stringify([{ Config: blobPath(config), RepoTags, Layers: layers.map(blobPath) }]);
}
