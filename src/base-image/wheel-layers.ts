import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { exists } from "../../processor/files/exists.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../processor/files/partial-path.js";
import { ZipArchive } from "../../processor/files/zip/zip-archive.js";
import { downloadFile } from "../download/download-file.js";
import { digestFile } from "../download/file-digest.js";
import { withFileLock } from "../download/file-lock.js";
import { HttpClient } from "../download/http-client.js";
import { discardPart } from "../download/part-file.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { type ImageLayer, layerFile, sortedEntries } from "../image/image-plan.js";
import { type CutLibrary, copyWithDeviceCode } from "./device-code.js";
import { type FindIndex, findWheel } from "./python-index.js";
import type { RecipeWheel } from "./recipe.js";
import type { WheelPin } from "./recipe-json.js";
import { baseParts } from "./variants.js";

export interface WheelLayersOptions {
  /** Folder that keeps the unpacked files for the next build. The wheels themselves are not kept. */
  readonly cacheFolder: string;
  /** Folder with wheels that were downloaded before (`pip download`); null for none. */
  readonly wheelFolder: string | null;
  /** Finds the index of Python packages for other wheels. It is an error if none is known. */
  readonly findIndex: FindIndex;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Returns the layers of the pinned wheels. They contain only the files that the recipe names. Each wheel is
 * verified by its digest before any file is read.
 *
 * @throws SOURCE_CHANGED if a wheel is not the pinned one; SOURCE_NOT_FOUND, DOWNLOAD_FAILED, DISK_FULL;
 * ARCHIVE_INVALID and ARCHIVE_UNSAFE for a wheel that is not a valid zip
 */
export async function wheelLayers(
  wheels: readonly RecipeWheel[],
  options: WheelLayersOptions,
): Promise<readonly ImageLayer[]> {
  const entries = new Map<string, ImageLayer["entries"]>();
  for (const wheel of wheels) {
    options.signal.throwIfAborted();
    const folder = await unpackedWheel(wheel, options).catch((error: unknown) => {
      if (baseParts.some((part) => part === wheel.layer))
        options.progress.note(`--leave-out ${wheel.layer} builds without ${wheel.file}`);
      throw error;
    });
    const files = Object.entries(wheel.files).map(([path, target]) =>
      layerFile(target.slice(1), { file: join(folder, path) }, /\.so(\.\d+)*$/.test(path) ? 0o755 : 0o644),
    );
    entries.set(wheel.layer, [...(entries.get(wheel.layer) ?? []), ...files]);
  }
  return [...entries].map(([name, files]) => ({ name, entries: sortedEntries(files), isLasting: true }));
}

/** Returns whether the files of a wheel are in the cache. */
export const isUnpacked = (wheel: RecipeWheel, cacheFolder: string): Promise<boolean> =>
  exists(unpackedFolder(wheel, cacheFolder));

function unpackedFolder(wheel: RecipeWheel, cacheFolder: string): string {
  const cut = cutOf(wheel);
  const wanted = createHash("sha256")
    .update(JSON.stringify([wheel.sha256, Object.keys(wheel.files), ...(cut === null ? [] : [cut])]))
    .digest("hex");
  return join(cacheFolder, "base-image", "wheels", wanted);
}

/**
 * Returns the folder that holds the files that the pin names, which is filled once.
 *
 * @throws as `wheelLayers`
 */
export async function unpackedWheel(wheel: RecipeWheel, options: WheelLayersOptions): Promise<string> {
  const folder = unpackedFolder(wheel, options.cacheFolder);
  if (await exists(folder)) return folder;
  await makeFolder(dirname(folder));
  await withFileLock(
    `${folder}.lock`,
    async () => {
      if (!(await exists(folder))) await fetchAndUnpack(wheel, folder, options);
    },
    { signal: options.signal },
  );
  return folder;
}

interface Cut extends CutLibrary {
  /** Paths in the wheel. */
  readonly libraries: readonly string[];
}

/** Returns what is cut out of which libraries; null if the wheel stays whole. */
const cutOf = ({ cuttable: libraries = [], uncalled = [], keptCapabilities }: RecipeWheel): Cut | null =>
  keptCapabilities === null || libraries.length === 0
    ? null
    : { libraries, capabilities: keptCapabilities, dropped: uncalled };

async function fetchAndUnpack(
  wheel: RecipeWheel,
  folder: string,
  options: WheelLayersOptions,
): Promise<void> {
  const local = options.wheelFolder === null ? null : join(options.wheelFolder, wheel.file);
  if (local !== null && (await exists(local))) {
    await verify(local, wheel, options.progress);
    return unpack(local, wheel, folder);
  }
  const partFile = `${folder}.whl`;
  await download(wheel, partFile, options);
  try {
    await verify(partFile, wheel, options.progress);
    await unpack(partFile, wheel, folder);
  } finally {
    await discardPart(partFile);
  }
}

async function download(
  wheel: WheelPin,
  partFile: string,
  { findIndex, progress, signal }: WheelLayersOptions,
): Promise<void> {
  const index = await findIndex();
  if (index === null)
    throw builderError(
      "PACKAGE_INDEX_UNKNOWN",
      `${wheel.file} must be downloaded, but no index is configured`,
    );
  const http = new HttpClient({
    progress,
    mirrorOrigins: [index.origin],
    signal,
  });
  const url = await findWheel(index, wheel, http);
  await downloadFile(
    {
      url,
      partFile,
      label: wheel.file,
      expectedSize: wheel.bytes,
      isVerifiedLater: true,
      knownEtag: null,
    },
    http,
  );
}

async function verify(path: string, wheel: WheelPin, progress: Progress): Promise<void> {
  const { sha256 } = await digestFile(path, ["sha256"], { progress, label: wheel.file });
  if (sha256 !== wheel.sha256)
    throw builderError(
      "SOURCE_CHANGED",
      `${path} has sha256 ${sha256}, the recipe of the base image ${wheel.sha256}`,
    );
}

/** Unpacks a wheel. The folder gets its name only when it is complete. */
async function unpack(wheelFile: string, wheel: RecipeWheel, folder: string): Promise<void> {
  const partial = await partialPathNextTo(folder);
  await makeFolder(partial, 0o700);
  const archive = await ZipArchive.open(wheelFile);
  try {
    for (const path of Object.keys(wheel.files)) {
      const target = join(partial, path);
      await makeFolder(dirname(target));
      await pipeline(archive.read(path), createWriteStream(target));
    }
    const cut = cutOf(wheel);
    for (const path of cut?.libraries ?? [])
      copyWithDeviceCode(join(partial, path), join(partial, path), cut!);
    await rename(partial, folder);
  } finally {
    await archive.close();
    await rm(partial, { recursive: true, force: true });
  }
}
