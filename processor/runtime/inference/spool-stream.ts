import { randomBytes } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outputError } from "../../files/write-file.js";
import { voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import type { LogitSlab, LogitStream } from "./logit-slab.js";

/** A stream that was read to its end and can be read again any number of times. */
export interface SpooledStream extends LogitStream {
  discard(): Promise<void>;
}

/** The largest output, in bytes, that stays in memory. */
const usualMemoryLimit = 256e6;

/**
 * Reads a whole stream, so that its network can be freed before the next one runs. Small outputs stay in memory; large
 * ones are written to a file.
 *
 * @throws DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function spoolStream(
  stream: LogitStream,
  memoryLimitBytes = usualMemoryLimit,
): Promise<SpooledStream> {
  const bytes = stream.heads * voxelCount(stream.sizeZyx) * 4;
  const store = bytes <= memoryLimitBytes ? memoryStore() : await fileStore();
  const parts: SlabPart[] = [];
  try {
    for await (const { zStart, sizeZyx, values } of stream.slabs) {
      parts.push({ zStart, sizeZyx, length: values.length });
      await store.append(values);
    }
  } catch (error) {
    await store.discard();
    throw error;
  }
  const { heads, sizeZyx, kind } = stream;
  return {
    heads,
    sizeZyx,
    kind,
    get slabs() {
      return replay(parts, store, { heads, kind });
    },
    discard: () => store.discard(),
  };
}

interface SlabPart {
  readonly zStart: number;
  readonly sizeZyx: Zyx;
  readonly length: number;
}

interface Store {
  append(values: Float32Array<SharedArrayBuffer>): Promise<void>;
  /** @param index the position in the order of `append` calls */
  read(index: number, position: number, length: number): Promise<Float32Array<SharedArrayBuffer>>;
  discard(): Promise<void>;
}

async function* replay(
  parts: readonly SlabPart[],
  store: Store,
  { heads, kind }: Pick<LogitStream, "heads" | "kind">,
): AsyncGenerator<LogitSlab> {
  let position = 0;
  for (const [index, { zStart, sizeZyx, length }] of parts.entries()) {
    const values = await store.read(index, position, length);
    position += length;
    yield { zStart, sizeZyx, heads, kind, values };
  }
}

function memoryStore(): Store {
  const kept: Float32Array<SharedArrayBuffer>[] = [];
  return {
    async append(values) {
      const copy = new Float32Array(new SharedArrayBuffer(values.length * 4));
      copy.set(values);
      kept.push(copy);
    },
    read: async (index) => kept[index]!,
    async discard() {
      kept.length = 0;
    },
  };
}

async function fileStore(): Promise<Store> {
  const path = join(tmpdir(), `nnunet-processor-${randomBytes(6).toString("hex")}.logits`);
  const explain = (error: unknown) => {
    throw outputError(path, error);
  };
  const file = await open(path, "wx+", 0o600).catch(explain);
  // The file has no name any more, so the system frees its space however the process ends.
  await rm(path, { force: true });
  return {
    async append(values) {
      await writeFully(file, Buffer.copyBytesFrom(values)).catch(explain);
    },
    async read(_, position, length) {
      const shared = new Float32Array(new SharedArrayBuffer(length * 4));
      const bytes = Buffer.allocUnsafeSlow(length * 4);
      await readFully(file, bytes, position * 4);
      shared.set(new Float32Array(bytes.buffer, 0, length));
      return shared;
    },
    discard: () => file.close(),
  };
}

async function writeFully(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done);
    done += bytesWritten;
  }
}

async function readFully(file: FileHandle, target: Buffer, position: number): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) throw new Error("the network's output was cut off in its temporary file");
    done += bytesRead;
  }
}
