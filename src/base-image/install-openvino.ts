import { copyFile, link, mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  type OpenvinoArchitecture,
  openvinoArchitectures,
  openvinoCacheFolder,
  openvinoFolders,
  openvinoLibraries,
  openvinoVersion,
  openvinoWheelFolder,
} from "../../processor/contract/openvino-libraries.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../processor/files/partial-path.js";
import type { FindIndex } from "./python-index.js";
import { readRecipe } from "./recipe.js";
import { unpackedWheel } from "./wheel-layers.js";

export interface Machine {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Null for a user without a home folder. */
  readonly cacheFolder: string | null;
}

/** Returns the first folder that has all libraries; null if none has. */
export async function openvinoFolder({ environment, cacheFolder }: Machine): Promise<string | null> {
  const architecture = architectureHere();
  if (architecture === null) return null;
  for (const folder of openvinoFolders(environment, cacheFolder))
    if (await isComplete(folder, architecture)) return folder;
  return null;
}

export interface InstallOptions {
  readonly cacheFolder: string;
  /** A folder with the wheel, for a machine without a network; null to download it. */
  readonly wheelFolder: string | null;
  readonly findIndex: FindIndex;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface InstalledOpenvino {
  readonly version: string;
  readonly folder: string;
  /** False if everything was there already. */
  readonly isNew: boolean;
}

/**
 * Downloads OpenVINO's libraries into the cache, once, and verifies their digest. A download that was interrupted
 * continues.
 *
 * @throws USAGE on a machine for which there are no libraries; PACKAGE_INDEX_UNKNOWN, SOURCE_NOT_FOUND, SOURCE_CHANGED,
 * DOWNLOAD_FAILED, DISK_FULL, INTERRUPTED
 */
export async function installOpenvino(options: InstallOptions): Promise<InstalledOpenvino> {
  const architecture = architectureHere();
  if (architecture === null)
    throw sharedError(
      "USAGE",
      `OpenVINO's libraries are for Linux on ${openvinoArchitectures.join(" and ")}, and this is ${process.platform} on ${process.arch}; ONNX Runtime runs here`,
    );
  const folder = openvinoCacheFolder(options.cacheFolder);
  const installed = { version: openvinoVersion, folder };
  if (await isComplete(folder, architecture)) return { ...installed, isNew: false };
  const platform = architecture === "x64" ? "linux/amd64" : "linux/arm64";
  const { wheels } = await readRecipe("cpu", platform);
  const wheel = wheels.find(({ name }) => name === "openvino")!;
  const unpacked = join(await unpackedWheel(wheel, options), openvinoWheelFolder);
  await putInPlace(unpacked, folder, openvinoLibraries(architecture));
  return { ...installed, isNew: true };
}

/** Fills the folder under another name first, so that it never lacks a library. */
async function putInPlace(from: string, folder: string, names: readonly string[]): Promise<void> {
  await makeFolder(dirname(folder));
  const partial = await partialPathNextTo(folder);
  await mkdir(partial, { mode: 0o755 });
  try {
    for (const name of names) {
      const [source, target] = [join(from, name), join(partial, name)];
      // A build's cache has the same bytes; some file systems have no links.
      await link(source, target).catch(() => copyFile(source, target));
    }
    await rm(folder, { recursive: true, force: true });
    await rename(partial, folder);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Returns null on a machine for which there are no libraries. */
export const architectureHere = (): OpenvinoArchitecture | null =>
  process.platform === "linux" ? (openvinoArchitectures.find((name) => name === process.arch) ?? null) : null;

async function isComplete(folder: string, architecture: OpenvinoArchitecture): Promise<boolean> {
  for (const name of openvinoLibraries(architecture))
    if (!((await stat(join(folder, name)).catch(() => null))?.isFile() ?? false)) return false;
  return true;
}
