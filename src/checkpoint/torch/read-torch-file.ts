import type { FileRange } from "../../../processor/files/zip/byte-range.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { opcodes } from "../pickle/opcodes.js";
import { readPickle } from "../pickle/read-pickle.js";
import { UnreadObject } from "../pickle/unread-object.js";
import { readLegacy } from "./read-legacy.js";
import { openStoredZip, type StoredZip } from "./stored-zip.js";
import { elementSizes, type Storage } from "./tensor.js";
import { TorchBytes } from "./torch-bytes.js";
import { checkpointGlobals, parseStorageId } from "./torch-globals.js";

/**
 * Reads a file that `torch.save` wrote, in the zip format (since torch 1.6) or the legacy format. Dicts
 * become Maps, and tensors become `Tensor`s that point into the file. Reads no tensor values and runs no code
 * of the file.
 *
 * @param range position of the bytes if the checkpoint is part of an archive; `file` is then only a name
 *
 * @throws CHECKPOINT_TRUNCATED, CHECKPOINT_UNSAFE, CHECKPOINT_REFUSED, CHECKPOINT_UNSUPPORTED,
 * MODEL_FILE_INVALID.
 */
export async function readTorchFile(file: string, range: FileRange | null = null): Promise<unknown> {
  const bytes = await TorchBytes.open(file, range);
  try {
    if (bytes.size < 4) throw builderError("CHECKPOINT_TRUNCATED", `${file} has ${bytes.size} bytes`);
    const magic = await bytes.read(0, 4);
    if (magic.readUInt32LE(0) === zipMagic) return await readZip(bytes);
    if (magic[0] === opcodes.PROTO) return await readLegacy(bytes, maxPickleBytes);
    throw builderError("CHECKPOINT_UNSUPPORTED", `${file} is not a file of torch.save`);
  } finally {
    await bytes.close();
  }
}

const zipMagic = 0x04034b50;
/** The pickle contains only names and shapes. nnU-Net's are below 1 MB. */
const maxPickleBytes = 128 * 2 ** 20;

async function readZip(checkpoint: TorchBytes): Promise<unknown> {
  const { label: file } = checkpoint;
  const zip = await openStoredZip(checkpoint);
  const pickle = [...zip.members.values()].find(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined) {
    throw builderError(
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
      const storageId = parseStorageId(id, file);
      if (storageId === null) return new UnreadObject("a module of the training");
      const { key, elementType, elementCount } = storageId;
      const identity = `${elementType} ${elementCount} ${key}`;
      const known = storages.get(identity);
      if (known !== undefined) return known;
      const member = zip.members.get(`${folder}data/${key}`);
      const needed = elementCount * elementSizes[elementType];
      if (member === undefined || member.byteLength < needed) {
        throw builderError(
          "CHECKPOINT_TRUNCATED",
          `${file}: storage ${key} should have ${needed} bytes, the file holds ${member?.byteLength ?? "none"}`,
        );
      }
      const byteOffset = checkpoint.offset + member.byteOffset;
      const storage = { file: checkpoint.file, byteOffset, elementType, elementCount };
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
    throw builderError("CHECKPOINT_UNSUPPORTED", `${file} was written with byte order ${order}`);
  }
}
