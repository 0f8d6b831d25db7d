import { open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../processor/files/partial-path.js";
import type { ModelSource, SourceFile } from "./model-source.js";

/**
 * Writes a source's files into `folder`, each to a temporary name that is then renamed. Never replaces an
 * existing file: a file of the same size is kept, and any other is an error before the first file is written.
 *
 * @param wanted the files to write; all by default
 * @throws OUTPUT_EXISTS
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
  try {
    for (const { path } of missing)
      await writeAtomically(source.open(path), join(folder, path), (count) => bar.advance(count));
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

async function writeAtomically(
  bytes: AsyncIterable<Uint8Array>,
  target: string,
  advance: (count: number) => void,
) {
  await makeFolder(dirname(target));
  const partial = await partialPathNextTo(target);
  try {
    const file = await open(partial, "wx");
    try {
      for await (const chunk of bytes) {
        await file.writeFile(chunk);
        advance(chunk.byteLength);
      }
    } finally {
      await file.close();
    }
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
