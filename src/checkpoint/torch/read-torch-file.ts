import { type FileHandle, open } from "node:fs/promises";
import { ProcessorError } from "../../../processor/errors.js";
import { opcodes } from "../pickle/opcodes.js";
import { readPickle } from "../pickle/read-pickle.js";
import { readLegacy } from "./read-legacy.js";
import { openStoredZip, type StoredZip } from "./stored-zip.js";
import { elementSizes, type Storage } from "./tensor.js";
import { checkpointGlobals, parseStorageId } from "./torch-globals.js";

/**
 * Reads what `torch.save` wrote, as zip (since torch 1.6) or in its legacy format: dicts are Maps, tensors are `Tensor`s that point into the file. No tensor's values are
 * read and no code of the file runs.
 *
 * Errors: CHECKPOINT_TRUNCATED, CHECKPOINT_UNSAFE, CHECKPOINT_UNSUPPORTED, MODEL_FILE_INVALID.
 */
export async function readTorchFile(file: string): Promise<unknown> {
  const handle = await openFile(file);
  try {
    const magic = Buffer.alloc(4);
    const { bytesRead } = await handle.read(magic, 0, 4, 0);
    if (bytesRead < 4) throw new ProcessorError("CHECKPOINT_TRUNCATED", `${file} has ${bytesRead} bytes`);
    if (magic.readUInt32LE(0) === zipMagic) return await readZip(file, handle);
    if (magic[0] === opcodes.PROTO) return await readLegacy(file, handle, maxPickleBytes);
    throw new ProcessorError("CHECKPOINT_UNSUPPORTED", `${file} is no file of torch.save`);
  } finally {
    await handle.close();
  }
}

const zipMagic = 0x04034b50;
/** The pickle holds names and shapes only; nnU-Net's are below 1 MB. */
const maxPickleBytes = 128 * 2 ** 20;

async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, "r");
  } catch (cause) {
    throw new ProcessorError("MODEL_FILE_INVALID", `${file} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

async function readZip(file: string, handle: FileHandle): Promise<unknown> {
  const zip = await openStoredZip(file, handle);
  const pickle = [...zip.members.values()].find(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined) {
    throw new ProcessorError(
      "CHECKPOINT_UNSUPPORTED",
      `${file} is a zip file, but holds no data.pkl of torch.save`,
    );
  }
  const folder = pickle.name.slice(0, -"data.pkl".length);
  await checkByteOrder(zip, folder, file);
  const bytes = await zip.readMember(pickle, maxPickleBytes);
  const storages = new Map<string, Storage>();
  const { value } = readPickle(bytes, {
    source: file,
    globals: checkpointGlobals(file),
    persistentLoad: (id) => {
      const { key, elementType, elementCount } = parseStorageId(id, file);
      const identity = `${elementType} ${elementCount} ${key}`;
      const known = storages.get(identity);
      if (known !== undefined) return known;
      const member = zip.members.get(`${folder}data/${key}`);
      const needed = elementCount * elementSizes[elementType];
      if (member === undefined || member.byteLength < needed) {
        throw new ProcessorError(
          "CHECKPOINT_TRUNCATED",
          `${file}: storage ${key} should have ${needed} bytes, the file holds ${member?.byteLength ?? "none"}`,
        );
      }
      const storage = { file, byteOffset: member.byteOffset, elementType, elementCount };
      storages.set(identity, storage);
      return storage;
    },
  });
  return value;
}

async function checkByteOrder(zip: StoredZip, folder: string, file: string): Promise<void> {
  const member = zip.members.get(`${folder}byteorder`);
  if (member === undefined) return;
  const order = Buffer.from(await zip.readMember(member, 16)).toString("latin1");
  if (order !== "little") {
    throw new ProcessorError("CHECKPOINT_UNSUPPORTED", `${file} was written with byte order ${order}`);
  }
}
