import { type FileHandle, open } from "node:fs/promises";
import yauzl from "yauzl";
import { ProcessorError } from "../../processor/errors.js";
import { numpyGlobal } from "./numpy-values.js";
import { type AllowedGlobal, type PickleOptions, type PickleValue, readPickle } from "./pickle-reader.js";
import { bytesPerElement, elementSpan, type Storage, type Tensor, type TensorDtype } from "./tensor.js";

/** A file of `torch.save`, read as data: its pickle is in memory, its tensors are still on disk. */
export interface TorchFile {
  readonly path: string;
  readonly root: PickleValue;
}

/** Some MB of structure describe thousands of tensors; more is no checkpoint. */
const maximumPickleBytes = 256 * 1024 * 1024;

/**
 * Reads the structure of a `torch.save` file, zip (torch ≥ 1.6) or legacy, without running anything in it and without
 * reading any tensor.
 *
 * @throws CHECKPOINT_TRUNCATED, CHECKPOINT_UNSAFE (a global outside the allow-list), CHECKPOINT_UNSUPPORTED
 */
export async function readTorchFile(path: string): Promise<TorchFile> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const magic = await readAt(file, { path, offset: 0, length: Math.min(4, size) });
    if (magic.equals(Buffer.from("PK\u0003\u0004", "latin1")))
      return { path, root: await readZip(path, size) };
    if (magic[0] === 0x80) return { path, root: await readLegacy(file, path, size) };
    throw new ProcessorError("CHECKPOINT_UNSUPPORTED", `${path}: ${size} bytes that are no torch.save file`);
  } finally {
    await file.close();
  }
}

interface ZipEntry {
  readonly dataOffset: number;
  readonly length: number;
}

async function readZip(path: string, fileSize: number): Promise<PickleValue> {
  const entries = await listStoredEntries(path, fileSize);
  const pickleName = [...entries.keys()].find((name) => name.endsWith("/data.pkl") || name === "data.pkl");
  if (pickleName === undefined) {
    throw new ProcessorError(
      "CHECKPOINT_UNSUPPORTED",
      `${path}: a zip file without data.pkl is no torch.save file`,
    );
  }
  const folder = pickleName.slice(0, -"data.pkl".length);
  const pickleEntry = entries.get(pickleName)!;
  if (pickleEntry.length > maximumPickleBytes) {
    throw new ProcessorError("CHECKPOINT_UNSUPPORTED", `${path}: data.pkl of ${pickleEntry.length} bytes`);
  }
  const file = await open(path, "r");
  try {
    const order = entries.get(`${folder}byteorder`);
    if (order !== undefined) {
      const text = (
        await readAt(file, { path, offset: order.dataOffset, length: Math.min(order.length, 16) })
      ).toString();
      if (text !== "little")
        throw new ProcessorError("CHECKPOINT_UNSUPPORTED", `${path}: byte order ${text}`);
    }
    const pickle = await readAt(file, { path, offset: pickleEntry.dataOffset, length: pickleEntry.length });
    const persistentLoad = (id: PickleValue): Storage => {
      const { key, dtype, elements } = storageId(path, id);
      const entry = entries.get(`${folder}data/${key}`);
      if (entry === undefined)
        throw new ProcessorError("CHECKPOINT_TRUNCATED", `${path}: storage data/${key} is missing`);
      if (elements * bytesPerElement[dtype] > entry.length) {
        throw new ProcessorError(
          "CHECKPOINT_TRUNCATED",
          `${path}: storage data/${key} should hold ${elements} × ${dtype}, the file has ${entry.length} bytes of it`,
        );
      }
      return { kind: "storage", dtype, elements, byteOffset: entry.dataOffset };
    };
    return readPickle(pickle, { path, allowed: torchGlobal(path), persistentLoad }).value;
  } finally {
    await file.close();
  }
}

/** torch stores its entries uncompressed, so that each is a range of the file. */
async function listStoredEntries(path: string, fileSize: number): Promise<ReadonlyMap<string, ZipEntry>> {
  const entries = new Map<string, ZipEntry>();
  try {
    const zip = await yauzl.openPromise(path, { autoClose: false });
    try {
      for await (const entry of zip.eachEntry()) {
        if (entry.compressionMethod !== 0) {
          throw new ProcessorError(
            "CHECKPOINT_UNSUPPORTED",
            `${path}: ${entry.fileName} is compressed; torch.save stores`,
          );
        }
        const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
        if (fileDataStart + entry.uncompressedSize > fileSize) {
          throw new ProcessorError(
            "CHECKPOINT_TRUNCATED",
            `${path}: ${entry.fileName} reaches beyond the file's end`,
          );
        }
        entries.set(entry.fileName, { dataOffset: fileDataStart, length: entry.uncompressedSize });
      }
    } finally {
      zip.close();
    }
  } catch (cause) {
    if (cause instanceof ProcessorError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ProcessorError(
      "CHECKPOINT_TRUNCATED",
      `${path}: the zip archive is damaged or cut off: ${reason}`,
      { cause },
    );
  }
  return entries;
}

const legacyMagic = 0x1950a86a20f9469cfc6cn;

/**
 * torch before 1.6: pickles of a magic number, the protocol, system facts, the object and the storage keys; then, for
 * each key in order, the number of elements (int64) and the raw data.
 */
async function readLegacy(file: FileHandle, path: string, fileSize: number): Promise<PickleValue> {
  const bytes = await readAt(file, { path, offset: 0, length: Math.min(fileSize, maximumPickleBytes) });
  const storages = new Map<string, Storage>();
  const plain: PickleOptions = { path, allowed: torchGlobal(path) };
  const magic = readPickle(bytes, plain);
  if (magic.value !== legacyMagic)
    throw new ProcessorError("CHECKPOINT_UNSUPPORTED", `${path}: a pickle, but not torch's`);
  const protocol = readPickle(bytes, plain, magic.end);
  const systemInfo = readPickle(bytes, plain, protocol.end);
  const persistentLoad = (id: PickleValue): Storage => {
    const { key, dtype, elements } = storageId(path, id);
    const storage = storages.get(key) ?? { kind: "storage", dtype, elements, byteOffset: -1 };
    storages.set(key, storage);
    return storage;
  };
  const object = readPickle(bytes, { ...plain, persistentLoad }, systemInfo.end);
  const keys = readPickle(bytes, plain, object.end);
  let offset = keys.end;
  for (const key of Array.isArray(keys.value) ? keys.value : []) {
    const storage = storages.get(String(key));
    if (storage === undefined) continue;
    const count = Number((await readAt(file, { path, offset, length: 8 })).readBigInt64LE());
    const length = storage.elements * bytesPerElement[storage.dtype];
    if (count !== storage.elements || offset + 8 + length > fileSize) {
      throw new ProcessorError(
        "CHECKPOINT_TRUNCATED",
        `${path}: storage ${String(key)} should hold ${storage.elements} × ${storage.dtype}, the file ends at ${fileSize}`,
      );
    }
    storage.byteOffset = offset + 8;
    offset += 8 + length;
  }
  return object.value;
}

/** `("storage", storage class, key, location, elements)`, in legacy files with a sixth entry for views. */
function storageId(path: string, id: PickleValue) {
  const [tag, type, key, , elements] = Array.isArray(id) ? id : [];
  const dtype = isStorageClass(type) ? type.dtype : undefined;
  if (tag !== "storage" || dtype === undefined || typeof elements !== "number" || elements < 0) {
    throw new ProcessorError("CHECKPOINT_UNSUPPORTED", `${path}: a persistent id that is no storage`);
  }
  return { key: String(key), dtype, elements };
}

const storageDtypes: Readonly<Record<string, TensorDtype>> = {
  DoubleStorage: "float64",
  FloatStorage: "float32",
  HalfStorage: "float16",
  BFloat16Storage: "bfloat16",
  LongStorage: "int64",
  IntStorage: "int32",
  ShortStorage: "int16",
  CharStorage: "int8",
  ByteStorage: "uint8",
  BoolStorage: "bool",
};

const isStorageClass = (
  value: PickleValue | undefined,
): value is { kind: "storage class"; dtype: TensorDtype } & PickleValue =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "storage class";

/** Everything that a checkpoint may name; each builds data and nothing else. */
function torchGlobal(path: string): (moduleName: string, name: string) => AllowedGlobal | undefined {
  return (moduleName, name) => {
    const dtype = moduleName === "torch" || moduleName === "torch.storage" ? storageDtypes[name] : undefined;
    if (dtype !== undefined) return { value: { kind: "storage class", dtype } as PickleValue };
    if (moduleName === "torch._utils" && name === "_rebuild_tensor_v2")
      return { build: (args) => rebuildTensor(path, args) };
    return plainGlobals[`${moduleName} ${name}`] ?? numpyGlobal(moduleName, name);
  };
}

const first = (args: readonly PickleValue[]): PickleValue => args[0] ?? null;

const plainGlobals: Readonly<Record<string, AllowedGlobal>> = {
  "torch._utils _rebuild_parameter": { build: first },
  "torch device": { build: first },
  "torch Size": { build: first },
  "collections OrderedDict": {
    build: ([pairs]) => new Map(Array.isArray(pairs) ? (pairs as [PickleValue, PickleValue][]) : []),
  },
  "collections defaultdict": { build: () => new Map() },
  "builtins set": { build: ([items]) => new Set(Array.isArray(items) ? items : []) },
  "__builtin__ set": { build: ([items]) => new Set(Array.isArray(items) ? items : []) },
  "builtins bytearray": { build: first },
};

function rebuildTensor(path: string, args: readonly PickleValue[]): Tensor {
  const [storage, storageOffset, shape, strides] = args;
  const numbers = (value: PickleValue | undefined): readonly number[] | null =>
    Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0)
      ? (value as number[])
      : null;
  const sizes = numbers(shape);
  const steps = numbers(strides);
  if (
    !isStorage(storage) ||
    typeof storageOffset !== "number" ||
    sizes === null ||
    steps?.length !== sizes.length
  ) {
    throw new ProcessorError("CHECKPOINT_UNSUPPORTED", `${path}: a tensor that torch does not write`);
  }
  const tensor: Tensor = { kind: "tensor", storage, storageOffset, shape: sizes, strides: steps };
  if (storageOffset < 0 || storageOffset + elementSpan(tensor) > storage.elements) {
    throw new ProcessorError(
      "CHECKPOINT_TRUNCATED",
      `${path}: a tensor of shape (${sizes.join(", ")}) reaches beyond its storage of ${storage.elements} elements`,
    );
  }
  return tensor;
}

const isStorage = (value: PickleValue | undefined): value is Storage =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "storage";

interface Range {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

async function readAt(file: FileHandle, { path, offset, length }: Range): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0)
      throw new ProcessorError("CHECKPOINT_TRUNCATED", `${path}: ends at byte ${offset + done}`);
    done += bytesRead;
  }
  return bytes;
}
