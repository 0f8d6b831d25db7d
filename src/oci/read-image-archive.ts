import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { ProcessorError } from "../../processor/contract/errors.js";
import type { JsonCheck } from "../../processor/contract/json-check.js";
import { parseChecked } from "../../processor/contract/parse-checked.js";
import { readTar, type TarEntry, TarError } from "../../processor/files/tar/read-tar.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { ArchiveLimits } from "./archive-limits.js";
import { gunzipped } from "./gunzipped.js";
import type { ImageConfig } from "./oci-shapes.js";
import { archiveManifestShape, configShape } from "./oci-shapes.js";
import { maxDocumentBytes } from "./oci-types.js";
import { archiveBytes } from "./open-docker-archive.js";

/** An image in a file, without its layers. */
export interface ArchivedImage {
  readonly imageName: string | null;
  /** Digest of its configuration, `sha256:…`. */
  readonly imageId: string;
  readonly config: ImageConfig;
  /** The requested file, from the topmost small layer that contains it; null if no small layer does. */
  readonly file: Buffer | null;
}

/** A processor's manifest is in a small layer, with plans and dataset. Larger layers are skipped. */
const maxSearchedLayerBytes = 32 << 20;

/**
 * Reads a file of `docker save` or `--export` (.tar, .tar.gz) once, in order and in constant memory, and
 * extracts one small file from its small layers.
 *
 * @param filePath path in the image, without leading slash
 * @throws IMAGE_FILE_INVALID
 */
export async function readImageArchive(archive: string, filePath: string): Promise<ArchivedImage> {
  const documents = new Map<string, string>();
  const files = new Map<string, Buffer>();
  const limits = new ArchiveLimits();
  try {
    for await (const entry of readTar(archiveBytes(archive))) {
      limits.addEntry();
      if (entry.kind === "file") await look(entry, filePath, { documents, files, limits });
    }
  } catch (cause) {
    if (cause instanceof ProcessorError) throw cause;
    throw invalid(archive, cause instanceof Error ? cause.message : String(cause), cause);
  }
  return assemble(archive, { documents, files, limits });
}

interface Found {
  /** Documents by archive entry. */
  readonly documents: Map<string, string>;
  /** Copies of the requested file, by the archive entry of their layer. */
  readonly files: Map<string, Buffer>;
  readonly limits: ArchiveLimits;
}

async function look(entry: TarEntry, filePath: string, { documents, files, limits }: Found): Promise<void> {
  if (entry.sizeBytes > maxSearchedLayerBytes) return;
  const bytes = await buffer(entry.bytes);
  if (bytes[0] === 0x7b || bytes[0] === 0x5b) {
    if (bytes.length > maxDocumentBytes) return;
    limits.addDocument(bytes.length);
    documents.set(entry.path, bytes.toString("utf8"));
    return;
  }
  const file = await fileIn(bytes, filePath).catch(nullWhenNoTar);
  if (file === null) return;
  limits.addDocument(file.length);
  files.set(entry.path, file);
}

async function fileIn(layer: Buffer, path: string): Promise<Buffer | null> {
  const isGzip = layer[0] === 0x1f && layer[1] === 0x8b;
  const whole = Readable.from([layer]);
  const tar = isGzip ? gunzipped(whole) : whole;
  let found: Buffer | null = null;
  let unpackedBytes = 0;
  for await (const entry of readTar(tar)) {
    unpackedBytes += entry.sizeBytes;
    if (unpackedBytes > maxUnpackedBytes) throw new TarError("a layer unpacks to far more than it has");
    if (entry.kind === "file" && entry.path === path && entry.sizeBytes <= maxDocumentBytes)
      found = await buffer(entry.bytes);
  }
  return found;
}

const maxUnpackedBytes = 1 << 30;

/**
 * Returns null for layers that are damaged or compressed in an unsupported way, because the file cannot be
 * found in them.
 */
function nullWhenNoTar(error: unknown): null {
  const isDamagedLayer = error instanceof TarError || (error instanceof Error && "code" in error);
  if (isDamagedLayer) return null;
  throw error;
}

function assemble(archive: string, { documents, files }: Found): ArchivedImage {
  const [entry] = parsed(archive, archiveManifestShape, documents, "manifest.json");
  if (entry === undefined) throw invalid(archive, "manifest.json names no image");
  const config = parsed(archive, configShape, documents, entry.Config);
  const { Layers: layers } = entry;
  const layer = layers.findLast((name) => files.has(name));
  return {
    imageName: entry.RepoTags?.[0] ?? null,
    imageId: `sha256:${createHash("sha256").update(documents.get(entry.Config)!).digest("hex")}`,
    config,
    file: layer === undefined ? null : files.get(layer)!,
  };
}

function parsed<T>(
  archive: string,
  shape: JsonCheck<T>,
  documents: ReadonlyMap<string, string>,
  name: string,
): T {
  const text = documents.get(name);
  if (text === undefined) throw invalid(archive, `it is not an image, because it has no ${name}`);
  return parseChecked(text, shape, (reason, cause) => invalid(archive, `${name} ${reason}`, cause));
}

const invalid = (archive: string, reason: string, cause?: unknown): ProcessorError =>
  builderError("IMAGE_FILE_INVALID", `${archive}: ${reason}`, { cause });
