import { readdir, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { writeFileWhole } from "../../processor/files/write-file.js";
import { withCount } from "../ground/files/with-count.js";
import type { ModelSource, SourceFile } from "./model-source.js";

/**
 * Writes a source's files into `folder`. Never replaces an existing file: a file of the same size is kept, and any other is an
 * error before the first file is written. If one file cannot be written, those written before it are removed, because a model
 * without some of its files may look like a whole one.
 *
 * @param wanted the files to write; all by default
 * @throws OUTPUT_EXISTS, OUTPUT_UNWRITABLE, DISK_FULL
 */
export async function unpackSource(
  source: ModelSource,
  folder: string,
  {
    progress,
    wanted = () => true,
  }: { readonly progress: Progress; readonly wanted?: (file: SourceFile) => boolean },
): Promise<readonly string[]> {
  const files = (await source.inventory()).filter(wanted);
  const missing = await filesToWrite(files, folder);
  const bar = progress.start({
    label: `unpacking ${source.address}`,
    total: missing.reduce((sum, { size }) => sum + size, 0),
    unit: "bytes",
  });
  const written: string[] = [];
  const newFolders: string[] = [];
  try {
    for (const { path } of missing) {
      const target = join(folder, path);
      const newFolder = await makeFolder(dirname(target));
      if (newFolder !== undefined) newFolders.push(newFolder);
      await writeFileWhole(target, withCount(source.open(path), bar.advance));
      written.push(target);
    }
  } catch (error) {
    for (const path of written) await rm(path, { force: true });
    for (const path of newFolders.reverse()) await removeEmptyFolders(path);
    throw error;
  } finally {
    bar.done();
  }
  return files.map(({ path }) => path);
}

async function filesToWrite(files: readonly SourceFile[], folder: string): Promise<readonly SourceFile[]> {
  const missing: SourceFile[] = [];
  for (const file of files) {
    const target = join(folder, file.path);
    const found = await stat(target).catch(() => null);
    if (found === null) missing.push(file);
    else if (!found.isFile() || found.size !== file.size)
      throw sharedError("OUTPUT_EXISTS", `${target} already exists and differs`);
  }
  return missing;
}

/** Removes a folder and those in it, unless another process has put files into them. */
async function removeEmptyFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => []))
    if (entry.isDirectory()) await removeEmptyFolders(join(folder, entry.name));
  await rmdir(folder).catch(() => {}); // it has files
}
