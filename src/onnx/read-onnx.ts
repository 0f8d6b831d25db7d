import { builderError } from "../ground/errors/builder-errors.js";
import { type ByteSpan, ProtobufError, ProtobufFile } from "./protobuf-file.js";

/** The description of an ONNX file, without its weights. */
export interface OnnxModel {
  readonly file: string;
  /** The program that wrote the file, such as `pytorch 2.5.1`; null if the file does not name it. */
  readonly producer: string | null;
  readonly irVersion: number;
  /** Version of ONNX's own operators; 0 if the file names none. */
  readonly opset: number;
  /** Domains of other operators, which ONNX Runtime supports only if it was built with them. */
  readonly foreignDomains: readonly string[];
  /** Inputs that have no initializer. */
  readonly inputs: readonly OnnxTensorInfo[];
  readonly outputs: readonly OnnxTensorInfo[];
  /** Number of values in initializers, without shapes and indices (int32, int64, bool). */
  readonly parameters: number;
  /** Files in the same folder that contain weights, sorted by name. */
  readonly externalFiles: readonly OnnxExternalFile[];
}

export interface OnnxTensorInfo {
  readonly name: string;
  /**
   * A string is a dimension that is known only at run time (empty if it has no name); null if even the number
   * of dimensions is unknown.
   */
  readonly shape: readonly (number | string)[] | null;
  /** `float32`, `float16`, …; `unknown` for a value that is not a tensor. */
  readonly elementType: string;
}

export interface OnnxExternalFile {
  /** Relative to the model's folder, with forward slashes. */
  readonly location: string;
  /** Minimum size of the file; 0 if the model does not state how much it uses. */
  readonly leastBytes: number;
}

/**
 * Reads inputs, outputs, opset and the sizes of weights of an ONNX file (a ModelProto, onnx.proto of ONNX
 * 1.15). Memory does not grow with the file.
 *
 * Errors: MODEL_FILE_INVALID if it is not an ONNX file, is truncated, claims more than a network can have, or
 * names files outside its own folder.
 */
export function readOnnxModel(file: string): OnnxModel {
  const proto = openProto(file);
  try {
    return readModel(file, proto);
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    throw builderError("MODEL_FILE_INVALID", `${file} is not an ONNX model: ${error.message}`, {
      cause: error,
    });
  } finally {
    proto.close();
  }
}

/** Field numbers of onnx.proto. */
const model = { irVersion: 1, producer: 2, producerVersion: 3, graph: 7, opset: 8 } as const;
const graph = { initializer: 5, input: 11, output: 12, sparseInitializer: 15 } as const;
const tensor = { dims: 1, type: 2, name: 8, external: 13 } as const;

const maxNameBytes = 4096;
const maxRank = 32;
/** Far above any segmentation network. The limit exists because each value takes memory. */
const maxValues = 50_000;

/** Names of TensorProto.DataType. */
const elementTypes: Readonly<Record<number, string>> = {
  1: "float32",
  2: "uint8",
  3: "int8",
  4: "uint16",
  5: "int16",
  6: "int32",
  7: "int64",
  8: "string",
  9: "bool",
  10: "float16",
  11: "float64",
  12: "uint32",
  13: "uint64",
  14: "complex64",
  15: "complex128",
  16: "bfloat16",
};
const noParameters: ReadonlySet<string> = new Set(["int32", "int64", "bool", "string"]);

function openProto(file: string): ProtobufFile {
  try {
    return new ProtobufFile(file);
  } catch (cause) {
    throw builderError("MODEL_FILE_INVALID", `${file} can't be read`, { cause });
  }
}

function readModel(file: string, proto: ProtobufFile): OnnxModel {
  let irVersion = 0;
  let producer = "";
  let producerVersion = "";
  let graphs: Graph | null = null;
  const opsets = new Map<string, number>();
  for (const { field, integer, bytes } of proto.fields(proto.span)) {
    if (field === model.irVersion && bytes === null) irVersion = integer;
    if (bytes === null) continue;
    if (field === model.producer) producer = proto.text(bytes, maxNameBytes);
    if (field === model.producerVersion) producerVersion = proto.text(bytes, maxNameBytes);
    if (field === model.opset) readOpset(proto, bytes, opsets);
    if (field === model.graph) {
      if (graphs !== null) throw new ProtobufError("it has two graphs");
      graphs = readGraph(proto, bytes);
    }
  }
  if (graphs === null || irVersion <= 0) throw new ProtobufError("it has no graph");
  const { initializers, inputs, outputs, parameters, externalFiles } = graphs;
  return {
    file,
    producer: [producer, producerVersion].filter((text) => text !== "").join(" ") || null,
    irVersion,
    opset: opsets.get("") ?? 0,
    foreignDomains: [...opsets.keys()].filter((domain) => domain !== "").sort(),
    inputs: inputs.filter(({ name }) => !initializers.has(name)),
    outputs,
    parameters,
    externalFiles: [...externalFiles]
      .map(([location, leastBytes]) => ({ location, leastBytes }))
      .sort((a, b) => (a.location < b.location ? -1 : 1)),
  };
}

function readOpset(proto: ProtobufFile, span: ByteSpan, opsets: Map<string, number>): void {
  let domain = "";
  let version = 0;
  for (const { field, integer, bytes } of proto.fields(span)) {
    if (field === 1 && bytes !== null) domain = proto.text(bytes, maxNameBytes);
    if (field === 2) version = integer;
  }
  opsets.set(domain === "ai.onnx" ? "" : domain, version);
  if (opsets.size > 1000) throw new ProtobufError("it names more than 1000 operator sets");
}

interface Graph {
  /** Names of the initializers, because files of older versions also list them as inputs. */
  readonly initializers: Set<string>;
  readonly inputs: OnnxTensorInfo[];
  readonly outputs: OnnxTensorInfo[];
  readonly externalFiles: Map<string, number>;
  parameters: number;
}

function readGraph(proto: ProtobufFile, span: ByteSpan): Graph {
  const found: Graph = {
    initializers: new Set(),
    inputs: [],
    outputs: [],
    externalFiles: new Map(),
    parameters: 0,
  };
  for (const { field, bytes } of proto.fields(span)) {
    if (bytes === null) continue;
    if (field === graph.input) found.inputs.push(readValue(proto, bytes));
    if (field === graph.output) found.outputs.push(readValue(proto, bytes));
    if (field === graph.initializer) readInitializer(proto, bytes, found);
    if (field === graph.sparseInitializer)
      throw new ProtobufError("it has sparse weights, which are not supported");
    if (found.initializers.size + found.inputs.length + found.outputs.length > maxValues)
      throw new ProtobufError(`it has more than ${maxValues} inputs, outputs and weights`);
  }
  return found;
}

/**
 * Reads a ValueInfoProto: name 1, type 2; within the type, the tensor type 1 with element type 1 and shape 2.
 */
function readValue(proto: ProtobufFile, span: ByteSpan): OnnxTensorInfo {
  let name = "";
  let elementType = "unknown";
  let shape: (number | string)[] | null = null;
  for (const { field, bytes } of proto.fields(span)) {
    if (field === 1 && bytes !== null) name = proto.text(bytes, maxNameBytes);
    if (field !== 2 || bytes === null) continue;
    for (const type of proto.fields(bytes)) {
      if (type.field !== 1 || type.bytes === null) continue;
      for (const part of proto.fields(type.bytes)) {
        if (part.field === 1) elementType = elementTypes[part.integer] ?? "unknown";
        if (part.field === 2 && part.bytes !== null) shape = readShape(proto, part.bytes);
      }
    }
  }
  return { name, shape, elementType };
}

function readShape(proto: ProtobufFile, span: ByteSpan): (number | string)[] {
  const shape: (number | string)[] = [];
  for (const { field, bytes } of proto.fields(span)) {
    if (field !== 1 || bytes === null) continue;
    let size: number | string = "";
    for (const dimension of proto.fields(bytes)) {
      if (dimension.field === 1) size = dimension.integer;
      if (dimension.field === 2 && dimension.bytes !== null) size = proto.text(dimension.bytes, maxNameBytes);
    }
    shape.push(size);
    checkRank(shape.length);
  }
  return shape;
}

/** Reads a TensorProto without its values. */
function readInitializer(proto: ProtobufFile, span: ByteSpan, found: Graph): void {
  const shape: number[] = [];
  const external = new Map<string, string>();
  let elementType = "unknown";
  for (const { field, integer, bytes } of proto.fields(span)) {
    if (field === tensor.type) elementType = elementTypes[integer] ?? "unknown";
    if (field === tensor.dims) {
      for (const size of bytes === null ? [integer] : proto.packedIntegers(bytes)) {
        shape.push(size);
        checkRank(shape.length);
      }
    }
    if (bytes === null) continue;
    if (field === tensor.name) found.initializers.add(proto.text(bytes, maxNameBytes));
    if (field === tensor.external) readExternalEntry(proto, bytes, external);
  }
  const values = shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(values) || shape.some((size) => size < 0))
    throw new ProtobufError(`it has a weight of the impossible shape ${shape.join(" × ")}`);
  if (!noParameters.has(elementType)) found.parameters += values;
  noteExternal(external, found.externalFiles);
}

function readExternalEntry(proto: ProtobufFile, span: ByteSpan, external: Map<string, string>): void {
  let key = "";
  let value = "";
  for (const { field, bytes } of proto.fields(span)) {
    if (field === 1 && bytes !== null) key = proto.text(bytes, maxNameBytes);
    if (field === 2 && bytes !== null) value = proto.text(bytes, maxNameBytes);
  }
  if (["location", "offset", "length"].includes(key)) external.set(key, value);
}

function noteExternal(external: ReadonlyMap<string, string>, files: Map<string, number>): void {
  const location = external.get("location");
  if (location === undefined) return;
  const parts = location.split(/[/\\]/);
  const leavesFolder = parts.includes("..") || parts[0] === "" || location.includes(":");
  if (leavesFolder || location.includes("\0"))
    throw new ProtobufError(`its weights are outside its folder, in ${JSON.stringify(location)}`);
  const end = Number(external.get("offset") ?? 0) + Number(external.get("length") ?? 0);
  if (!Number.isSafeInteger(end) || end < 0)
    throw new ProtobufError(`its weights are at an impossible position of ${JSON.stringify(location)}`);
  const path = parts.filter((part) => part !== ".").join("/");
  files.set(path, Math.max(files.get(path) ?? 0, end));
}

function checkRank(rank: number): void {
  if (rank > maxRank) throw new ProtobufError(`it has a tensor with more than ${maxRank} axes`);
}
