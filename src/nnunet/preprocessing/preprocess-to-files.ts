import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { partialPathNextTo } from "../../../processor/files/partial-path.js";
import { outputError, writeFileWhole } from "../../../processor/files/write-file.js";
import { NpzWriter, npyHeader } from "../../../processor/nnunet-files/npz-writer.js";
import { writeB2nd } from "../files/blosc2/write-b2nd.js";
import { type PreprocessCaseTask, type PreprocessedCase, preprocessCase } from "./preprocess-case.js";

/** `b2nd` is what nnU-Net writes since version 2.5; it reads `npz` too, which earlier versions wrote. */
export type PreprocessedFormat = "b2nd" | "npz";

export interface PreprocessToFilesTask extends PreprocessCaseTask {
  readonly format: PreprocessedFormat;
  readonly caseId: string;
  readonly folder: string;
}

/** Preprocesses a case and writes its files; runs in a worker thread. The `.pkl` is last: with it, the case is complete. */
export async function preprocessToFiles(task: PreprocessToFilesTask): Promise<void> {
  const prepared = await preprocessCase(task);
  const path = join(task.folder, task.caseId);
  if (task.format === "npz") await writeNpz(`${path}.npz`, prepared);
  else {
    const { data, segmentation, sizeZyx, channelCount } = prepared;
    const { patchSize, dimensions } = task.plan;
    const patch = patchSize.slice(-dimensions);
    await writeB2nd(`${path}.b2nd`, { shape: [channelCount, ...sizeZyx], values: data }, patch);
    await writeB2nd(`${path}_seg.b2nd`, { shape: [1, ...sizeZyx], values: segmentation }, patch);
  }
  await writeFileWhole(join(task.folder, `${task.caseId}.pkl`), [prepared.properties]);
}

/** Writes `data` (float32) and `seg` (int16) as `numpy.savez` does. They are stored, because training unpacks them first. */
async function writeNpz(
  path: string,
  { data, segmentation, sizeZyx, channelCount }: PreprocessedCase,
): Promise<void> {
  const partial = await partialPathNextTo(path);
  const stored = 0;
  const writer = await NpzWriter.create(partial, stored);
  try {
    await writer.begin("data.npy");
    await writer.write(npyHeader([channelCount, ...sizeZyx], "f4"));
    await writeInPieces(writer, data);
    await writer.end();
    await writer.begin("seg.npy");
    await writer.write(npyHeader([1, ...sizeZyx], "i2"));
    await writeInPieces(writer, segmentation);
    await writer.end();
    await writer.close();
    await rename(partial, path);
  } catch (error) {
    await writer.abandon();
    await rm(partial, { force: true });
    throw outputError(path, error);
  }
}

/** The size of a piece that zlib gets at once. */
const pieceBytes = 1 << 24;

export async function writeInPieces(writer: NpzWriter, values: Float32Array | Int16Array): Promise<void> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (let at = 0; at < bytes.length; at += pieceBytes)
    // zlib does not take shared memory.
    await writer.write(Uint8Array.from(bytes.subarray(at, at + pieceBytes)));
}
