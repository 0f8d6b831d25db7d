import { ProcessorError } from "../../../processor/errors.js";
import { numpyGlobals } from "../pickle/numpy-globals.js";
import { type GlobalTable, globalTable, type PickleGlobal } from "../pickle/pickle-global.js";
import { pythonGlobals } from "../pickle/python-globals.js";
import { shortText } from "../short-text.js";
import { type ElementType, elementCount, elementSizes, type Storage, type Tensor } from "./tensor.js";

/** Every name that a checkpoint of nnU-Net may refer to. */
export function checkpointGlobals(source: string): GlobalTable {
  const tensorFunctions: PickleGlobal[] = [
    { name: "torch._utils._rebuild_tensor", construct: (args) => rebuildTensor(args, source) },
    { name: "torch._utils._rebuild_tensor_v2", construct: (args) => rebuildTensor(args, source) },
    {
      name: "torch._tensor._rebuild_from_type_v2",
      construct: (args) => rebuildTensor(typedArguments(args), source),
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

/** A sixth field, of legacy files, would make the storage a part of another one, which torch gave up in 2018. */
export function parseStorageId(id: unknown, source: string): StorageId {
  const [kind, type, key, , count, view] = Array.isArray(id) ? (id as readonly unknown[]) : [];
  const elementType = storageTypes.get((type as PickleGlobal | undefined)?.name ?? "");
  if (
    kind !== "storage" ||
    elementType === undefined ||
    typeof key !== "string" ||
    !Number.isSafeInteger(count) ||
    (count as number) < 0 ||
    view != null
  ) {
    throw new ProcessorError("MODEL_FILE_INVALID", `${source}: a storage without type, name or size`);
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
  ["torch.storage.UntypedStorage", "uint8"],
]);

const torchTypes = globalTable(
  ...[...storageTypes.keys()].map((name) => ({ name })),
  ...[...Object.keys(elementSizes), "half", "float", "double", "long", "int"].map((name) => ({
    name: `torch.${name}`,
  })),
  { name: "torch.Size", construct: ([sizes]) => sizes },
  { name: "torch.device", construct: (args) => args.map(shortText).join(":") },
  { name: "torch.Tensor" },
  { name: "torch.nn.parameter.Parameter" },
);

/** `_rebuild_tensor_v2(storage, offset, size, stride, …)`; the claimed shape must lie inside the storage. */
function rebuildTensor(args: readonly unknown[], source: string): Tensor {
  const [storage, storageOffset, shape, strides] = args as readonly [Storage, number, number[], number[]];
  if (
    !isStorage(storage) ||
    !areSizes([storageOffset]) ||
    !areSizes(shape) ||
    !areSizes(strides) ||
    shape.length !== strides.length ||
    shape.length > maxAxes
  ) {
    throw new ProcessorError("MODEL_FILE_INVALID", `${source}: a tensor without storage, shape or strides`);
  }
  const isEmpty = shape.includes(0);
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] as number), storageOffset);
  if (!isEmpty && last >= storage.elementCount) {
    throw new ProcessorError(
      "CHECKPOINT_TRUNCATED",
      `${source}: a tensor of shape ${shapeText(shape)} needs ${last + 1} values, its storage has ${storage.elementCount}`,
    );
  }
  // Strides of 0 would repeat a value without end; no network's weights have them.
  if (elementCount(shape) > storage.elementCount) {
    throw new ProcessorError(
      "CHECKPOINT_UNSAFE",
      `${source}: a tensor of shape ${shapeText(shape)} claims more values than the ${storage.elementCount} of its storage`,
    );
  }
  return { shape, strides, storage, storageOffset };
}

const shapeText = (shape: readonly number[]): string => shape.join("×");

/** numpy's own limit; networks have 5. */
const maxAxes = 64;

/** `_rebuild_from_type_v2(function, type, arguments, state)`: a tensor that was given attributes. */
function typedArguments([rebuild, , args]: readonly unknown[]): readonly unknown[] {
  const name = (rebuild as PickleGlobal | null)?.name;
  return name === "torch._utils._rebuild_tensor_v2" && Array.isArray(args) ? args : [];
}

const isStorage = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "elementType" in value && "byteOffset" in value;

const areSizes = (values: unknown): boolean =>
  Array.isArray(values) && values.every((value) => Number.isSafeInteger(value) && (value as number) >= 0);
