import { builderError } from "../../ground/errors/builder-errors.js";
import { shortText } from "../../ground/untrusted/short-text.js";
import { numpyGlobals } from "../pickle/numpy-globals.js";
import { type GlobalEntry, type GlobalTable, globalTable, PickleGlobal } from "../pickle/pickle-global.js";
import { pythonGlobals } from "../pickle/python-globals.js";
import { UnreadObject } from "../pickle/unread-object.js";
import { type ElementType, elementCount, type Storage, type Tensor } from "./tensor.js";

/** Returns the names in a checkpoint whose objects inference needs. */
export function checkpointGlobals(source: string): GlobalTable {
  const tensorFunctions: GlobalEntry[] = [
    { name: "torch._utils._rebuild_tensor", construct: (args) => rebuildTensor(args, source) },
    { name: "torch._utils._rebuild_tensor_v2", construct: (args) => rebuildTensor(args, source) },
    {
      name: "torch._tensor._rebuild_from_type_v2",
      construct: (args) => rebuildTyped(args, source),
    },
    { name: "torch._utils._rebuild_parameter", construct: ([tensor]) => tensor },
    { name: "torch._utils._rebuild_parameter_with_state", construct: ([tensor]) => tensor },
  ];
  return new Map([...pythonGlobals, ...numpyGlobals, ...torchTypes, ...globalTable(...tensorFunctions)]);
}

/** The persistent id that torch gives a storage: ("storage", type, key, device, number of elements). */
export interface StorageId {
  readonly elementType: ElementType;
  readonly key: string;
  readonly elementCount: number;
}

/**
 * Returns null for an id of another kind, because old files also gave ids to whole modules. A sixth field in
 * a legacy file would make the storage a part of another, a feature that torch removed in 2018.
 */
export function parseStorageId(id: unknown, source: string): StorageId | null {
  const [kind, type, key, , count, view] = Array.isArray(id) ? (id as readonly unknown[]) : [];
  if (typeof kind === "string" && kind !== "storage") return null;
  const elementType = storageTypes.get(type instanceof PickleGlobal ? type.name : "");
  if (
    kind !== "storage" ||
    elementType === undefined ||
    typeof key !== "string" ||
    !Number.isSafeInteger(count) ||
    (count as number) < 0 ||
    view != null
  ) {
    throw builderError("MODEL_FILE_INVALID", `${source}: a storage without type, name or size`);
  }
  return { elementType, key, elementCount: count as number };
}

const storageTypes: ReadonlyMap<string, ElementType> = new Map([
  ["torch.DoubleStorage", "float64"],
  ["torch.FloatStorage", "float32"],
  ["torch.HalfStorage", "float16"],
  ["torch.BFloat16Storage", "bfloat16"],
  ["torch.LongStorage", "int64"],
  ["torch.IntStorage", "int32"],
  ["torch.ShortStorage", "int16"],
  ["torch.CharStorage", "int8"],
  ["torch.ByteStorage", "uint8"],
  ["torch.BoolStorage", "bool"],
  ["torch.ComplexDoubleStorage", "complex128"],
  ["torch.ComplexFloatStorage", "complex64"],
  ["torch.QInt8Storage", "qint8"],
  ["torch.QUInt8Storage", "quint8"],
  ["torch.QInt32Storage", "qint32"],
  ["torch.QUInt4x2Storage", "quint4x2"],
  ["torch.QUInt2x4Storage", "quint2x4"],
  ["torch.storage.UntypedStorage", "uint8"],
]);

const torchTypes = globalTable(
  ...[...storageTypes.keys()].map((name) => ({ name })),
  // The lists of TorchScript.
  ...["build_intlist", "build_doublelist", "build_boollist", "build_tensorlist", "restore_type_tag"].map(
    (name) => ({ name: `torch.jit._pickle.${name}`, construct: ([items]: readonly unknown[]) => items }),
  ),
  { name: "torch.Size", construct: ([sizes]) => sizes },
  { name: "torch.device", construct: (args) => args.map(shortText).join(":") },
);

/**
 * `_rebuild_tensor_v2(storage, offset, size, stride, …)`. Throws if the shape does not fit into the storage.
 */
function rebuildTensor(args: readonly unknown[], source: string): Tensor | UnreadObject {
  const [storage, storageOffset, shape, strides] = args as readonly [Storage, number, number[], number[]];
  if (storage instanceof UnreadObject) return storage;
  if (
    !isStorage(storage) ||
    !areSizes([storageOffset]) ||
    !areSizes(shape) ||
    !areSizes(strides) ||
    shape.length !== strides.length ||
    shape.length > maxAxes
  ) {
    throw builderError("MODEL_FILE_INVALID", `${source}: a tensor without storage, shape or strides`);
  }
  const isEmpty = shape.includes(0);
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] as number), storageOffset);
  if (!isEmpty && last >= storage.elementCount) {
    throw builderError(
      "CHECKPOINT_TRUNCATED",
      `${source}: a tensor of shape ${shapeText(shape)} needs ${last + 1} values, its storage has ${storage.elementCount}`,
    );
  }
  // Strides of 0 repeat values at no cost. The weights of a network never have them.
  if (elementCount(shape) > storage.elementCount)
    return new UnreadObject(
      `a tensor of shape ${shapeText(shape)} that repeats the ${storage.elementCount} values of its storage`,
    );
  return { shape, strides, storage, storageOffset };
}

const shapeText = (shape: readonly number[]): string => shape.join("×");

/** numpy's own limit. Tensors of networks have 5 axes at most. */
const maxAxes = 64;

/** `_rebuild_from_type_v2(function, type, arguments, state)`: a tensor with attributes. */
function rebuildTyped([rebuild, , args]: readonly unknown[], source: string): Tensor | UnreadObject {
  const name = rebuild instanceof PickleGlobal ? rebuild.name : "";
  const isPlain = name === "torch._utils._rebuild_tensor_v2" && Array.isArray(args);
  return isPlain ? rebuildTensor(args, source) : new UnreadObject("a tensor of a class of its own");
}

const isStorage = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "elementType" in value && "byteOffset" in value;

const areSizes = (values: unknown): boolean =>
  Array.isArray(values) && values.every((value) => Number.isSafeInteger(value) && (value as number) >= 0);
