import { readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { ProcessorError } from "../../processor/contract/errors.js";
import { manifestName } from "../../processor/contract/places.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { isDiskFull } from "../../processor/files/disk-error.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../processor/files/partial-path.js";

export interface ConvertedFolderOptions {
  readonly outputDir: string;
  /** Allows replacing an earlier conversion. */
  readonly overwrite: boolean;
}

/**
 * Lets `fill` write into a folder next to `outputDir`, and moves that folder into place when it is complete.
 * After an error, no partial output remains and an earlier conversion is unchanged.
 *
 * Errors: OUTPUT_EXISTS, also if `outputDir` contains files that no conversion wrote; OUTPUT_UNWRITABLE,
 * DISK_FULL.
 */
export async function writeConvertedFolder<T>(
  options: ConvertedFolderOptions,
  fill: (folder: string) => Promise<T>,
): Promise<T> {
  const outputDir = resolve(options.outputDir);
  const partial = await partialPathNextTo(outputDir);
  try {
    await makeFolder(dirname(outputDir));
    const existing = await filesIn(outputDir);
    checkReplaceable(outputDir, existing, options.overwrite);
    await makeFolder(partial);
    try {
      const filled = await fill(partial);
      await putInPlace(partial, outputDir, existing !== null);
      return filled;
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  } catch (error) {
    throw asOutputError(error, outputDir);
  }
}

/** Returns paths relative to the folder; null if it does not exist. */
async function filesIn(folder: string): Promise<string[] | null> {
  try {
    return (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => !entry.isDirectory())
      .map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function checkReplaceable(outputDir: string, existing: readonly string[] | null, overwrite: boolean): void {
  if (existing === null || existing.length === 0) return;
  if (!overwrite) throw sharedError("OUTPUT_EXISTS", `${outputDir} exists and is not empty`);
  const foreign = existing.find((name) => !convertedFile.test(name));
  if (foreign !== undefined) {
    throw sharedError(
      "OUTPUT_EXISTS",
      `${outputDir} contains ${foreign}, which no conversion wrote, so it is not replaced`,
    );
  }
}

const convertedFile =
  /^(?:[A-Za-z0-9_.-]+\/)?(?:(?:manifest|plans|dataset|postprocessing)\.json|plans\.pkl|network\.gpu\.onnx|fold_(?:\d+|all)(?:\.(?:onnx|weights)|\/[^/]+))$/;

async function putInPlace(partial: string, outputDir: string, exists: boolean): Promise<void> {
  if (!exists) return rename(partial, outputDir);
  const old = `${partial}.old`;
  await rename(outputDir, old);
  try {
    await rename(partial, outputDir);
  } catch (error) {
    await rename(old, outputDir);
    throw error;
  }
  await rm(old, { recursive: true });
}

function asOutputError(error: unknown, outputDir: string): unknown {
  if (error instanceof ProcessorError || !(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (isDiskFull(error)) {
    return sharedError("DISK_FULL", `${outputDir}: no space left for the converted model`, {
      cause: error,
    });
  }
  if (code === "ENOTDIR")
    return sharedError("OUTPUT_UNWRITABLE", `${outputDir} is a file, not a folder`, { cause: error });
  if (["EACCES", "EPERM", "EROFS", "EEXIST", "ENAMETOOLONG"].includes(code ?? "")) {
    return sharedError("OUTPUT_UNWRITABLE", `${outputDir}: ${error.message}`, { cause: error });
  }
  return error;
}

/** Returns whether `convert` wrote a folder. */
export const isConverted = async (folder: string): Promise<boolean> =>
  (await stat(join(folder, manifestName)).catch(() => null))?.isFile() ?? false;
