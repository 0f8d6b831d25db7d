import { readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { ProcessorError } from "../../processor/contract/errors.js";
import { manifestName } from "../../processor/contract/places.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { isDiskFull } from "../../processor/files/disk-error.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../processor/files/partial-path.js";
import { readTextFile } from "../../processor/files/read-text-file.js";
import { tritonNamesNextTo } from "./folder-layout.js";

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
    checkReplaceable(outputDir, { existing, ofTriton: await tritonModelsIn(outputDir) }, options.overwrite);
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

interface Existing {
  readonly existing: readonly string[] | null;
  readonly ofTriton: ReadonlySet<string>;
}

function checkReplaceable(outputDir: string, { existing, ofTriton }: Existing, overwrite: boolean): void {
  if (existing === null || existing.length === 0) return;
  if (!overwrite) throw sharedError("OUTPUT_EXISTS", `${outputDir} exists and is not empty`);
  const foreign = existing.find((name) => !ownFile.test(name) && !isTritonFile(name, ofTriton));
  if (foreign !== undefined) {
    throw sharedError(
      "OUTPUT_EXISTS",
      `${outputDir} contains ${foreign}, which no conversion wrote, so it is not replaced`,
    );
  }
}

const ownFile =
  /^(?:[A-Za-z0-9_.-]+\/)?(?:(?:manifest|plans|dataset|postprocessing)\.json|plans\.pkl|network\.gpu\.onnx|fold_(?:\d+|all)(?:\.(?:onnx|weights)|\/[^/]+))$/;

/**
 * Returns the folders of Triton models that an earlier conversion wrote, by its manifest. A model repository may contain
 * models of other makers, which must not be replaced.
 */
async function tritonModelsIn(outputDir: string): Promise<ReadonlySet<string>> {
  const text = await readTextFile(join(outputDir, manifestName), maxManifestBytes).catch(() => "");
  const ofFolds = [...text.matchAll(/"onnxFile": "([^"/]+)\/1\//g)].map(([, name]) => name!);
  return new Set(ofFolds.flatMap((name) => [name, ...tritonNamesNextTo(name)]));
}

const maxManifestBytes = 64 << 20;

function isTritonFile(path: string, models: ReadonlySet<string>): boolean {
  const [, model, rest] = /^([^/]+)\/(.*)$/s.exec(path) ?? [];
  return models.has(model ?? "") && /^(?:config\.pbtxt|labels\.txt|1\/[^/]+)$/.test(rest ?? "");
}

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
