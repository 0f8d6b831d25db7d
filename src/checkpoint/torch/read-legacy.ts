import { ProcessorError } from "../../../processor/contract/errors.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { Field } from "../fields.js";
import { readPickle } from "../pickle/read-pickle.js";
import { UnreadObject } from "../pickle/unread-object.js";
import { elementSizes, type Storage } from "./tensor.js";
import type { TorchBytes } from "./torch-bytes.js";
import { checkpointGlobals, parseStorageId } from "./torch-globals.js";

/**
 * Reads a file of torch before 1.6: pickles of a magic number, the protocol, system facts, the object and the
 * keys of the storages. The storages follow in the order of the keys, each with its number of elements
 * (int64) and its values.
 *
 * @param maxPickleBytes limits memory, because the pickles come before the values
 */
export async function readLegacy(checkpoint: TorchBytes, maxPickleBytes: number): Promise<unknown> {
  const { label: file, size } = checkpoint;
  const pickles = await readPickles(checkpoint, Math.min(size, maxPickleBytes));
  let position = pickles.end;
  for (const key of pickles.keys) {
    const storage = pickles.storages.get(key);
    if (storage === undefined)
      throw builderError("MODEL_FILE_INVALID", `${file}: no tensor has storage ${key}`);
    const header = await checkpoint.read(position, 8);
    const end = position + 8 + storage.elementCount * elementSizes[storage.elementType];
    if (header.readBigInt64LE(0) !== BigInt(storage.elementCount) || end > size) {
      throw builderError(
        "CHECKPOINT_TRUNCATED",
        `${file}: storage ${key} of ${storage.elementCount} values should end at byte ${end}, the file ends at ${size}`,
      );
    }
    storage.byteOffset = checkpoint.offset + position + 8;
    position = end;
  }
  const placeless = [...pickles.storages].find(([, { byteOffset }]) => byteOffset < 0);
  if (placeless !== undefined) {
    throw builderError("CHECKPOINT_TRUNCATED", `${file}: storage ${placeless[0]} is not in the file`);
  }
  return pickles.value;
}

const magicNumber = 0x1950a86a20f9469cfc6cn;

/** A storage's position is known only after all storages before it have positions. */
type UnplacedStorage = { -readonly [K in keyof Storage]: Storage[K] };

interface LegacyPickles {
  readonly value: unknown;
  readonly storages: ReadonlyMap<string, UnplacedStorage>;
  /** In the order of the values in the file. */
  readonly keys: readonly string[];
  readonly end: number;
}

/** Reads the pickles from a growing prefix of the file, because their length is not stored anywhere. */
async function readPickles(checkpoint: TorchBytes, maxBytes: number): Promise<LegacyPickles> {
  for (let length = Math.min(firstBytes, maxBytes); ; length = Math.min(4 * length, maxBytes)) {
    const bytes = await checkpoint.read(0, length);
    try {
      return parsePickles(bytes, checkpoint);
    } catch (error) {
      const isCutOff = error instanceof ProcessorError && error.code === "CHECKPOINT_TRUNCATED";
      if (!isCutOff || length === maxBytes) throw error;
    }
  }
}

const firstBytes = 2 ** 20;

function parsePickles(bytes: Uint8Array, { label: file, file: place }: TorchBytes): LegacyPickles {
  const storages = new Map<string, UnplacedStorage>();
  const options = { source: file, globals: checkpointGlobals(file) };
  const magic = readPickle(bytes, options);
  if (magic.value !== magicNumber) {
    throw builderError("CHECKPOINT_UNSUPPORTED", `${file} is a pickle, but not a file of torch.save`);
  }
  const protocol = readPickle(bytes, { ...options, position: magic.end });
  const system = readPickle(bytes, { ...options, position: protocol.end });
  if (!new Field(system.value, file).get("little_endian").boolean()) {
    throw builderError("CHECKPOINT_UNSUPPORTED", `${file} was written with byte order big`);
  }
  const object = readPickle(bytes, {
    ...options,
    position: system.end,
    persistentLoad: (id) => {
      const storageId = parseStorageId(id, file);
      if (storageId === null) return new UnreadObject("a module of the training");
      const { key, elementType, elementCount } = storageId;
      const known = storages.get(key);
      if (known !== undefined) return known;
      const storage = { file: place, byteOffset: -1, elementType, elementCount };
      storages.set(key, storage);
      return storage;
    },
  });
  const keys = readPickle(bytes, { ...options, position: object.end });
  return {
    value: object.value,
    storages,
    keys: new Field(keys.value, file).list().map((key) => key.string()),
    end: keys.end,
  };
}
