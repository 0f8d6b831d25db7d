import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { builderError } from "../ground/errors/builder-errors.js";
import { type LayerDirectory, type LayerEntry, type LayerFile, sortedEntries } from "../image/image-plan.js";
import { tarEnd, tarHeader, tarPadding } from "./tar-header.js";

const readBytes = 1 << 20;

/**
 * Streams a layer as one tar: entries sorted by name, each folder before its contents, owner 0:0, and one
 * time for all. The same entries give the same bytes on every machine.
 *
 * Folders without an entry are written with mode 0755, because engines disagree on the mode of a folder that
 * a layer implies.
 *
 * @throws IMAGE_BUILD_FAILED if a file changes while it is read
 */
export async function* layerTar(entries: readonly LayerEntry[], time: Date): AsyncGenerator<Uint8Array> {
  for (const entry of withFolders(entries)) {
    const { path, mode } = entry;
    if (entry.kind === "directory") {
      yield tarHeader({ path: `${path}/`, kind: "directory", mode, sizeBytes: 0, time });
      continue;
    }
    const sizeBytes = await sizeOf(entry);
    yield tarHeader({ path, kind: "file", mode, sizeBytes, time });
    yield* exactly(bytesOf(entry), sizeBytes, entry);
    yield tarPadding(sizeBytes);
  }
  yield tarEnd();
}

/** Returns the entries and their parent folders, sorted. */
export function withFolders(entries: readonly LayerEntry[]): LayerEntry[] {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  for (const { path } of entries)
    for (const folder of foldersOf(path)) if (!byPath.has(folder)) byPath.set(folder, plainFolder(folder));
  return sortedEntries([...byPath.values()]);
}

const plainFolder = (path: string): LayerDirectory => ({ kind: "directory", path, mode: 0o755 });

/** Returns the parent folders of a path: for `a/b/c`, `a` and `a/b`. */
function foldersOf(path: string): string[] {
  const names = path.split("/");
  return names.slice(1).map((_, i) => names.slice(0, i + 1).join("/"));
}

async function sizeOf({ source }: LayerFile): Promise<number> {
  if ("text" in source) return Buffer.byteLength(source.text);
  await source.known?.write();
  return (await stat(source.file)).size;
}

async function* bytesOf({ source }: LayerFile): AsyncGenerator<Uint8Array> {
  if ("text" in source) yield Buffer.from(source.text);
  else yield* createReadStream(source.file, { highWaterMark: readBytes });
}

async function* exactly(
  bytes: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  { path }: LayerFile,
): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of bytes) {
    seen += chunk.length;
    if (seen > sizeBytes) break;
    yield chunk;
  }
  if (seen !== sizeBytes)
    throw builderError("IMAGE_BUILD_FAILED", `the file for ${path} changed while it was read`);
}
