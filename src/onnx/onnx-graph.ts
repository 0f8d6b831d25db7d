import { ProtobufWriter } from "./protobuf-writer.js";

/** Opset 17 and IR 8: read by ONNX Runtime 1.12 and every later release. */
export const onnxOpset = 17;
const irVersion = 8;

export interface OnnxGraph {
  readonly name: string;
  readonly input: { readonly name: string; readonly shape: readonly (number | string)[] };
  readonly output: { readonly name: string; readonly shape: readonly (number | string)[] };
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxInitializer[];
}

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] };

/** float32 weights, kept beside the graph. */
export interface OnnxInitializer {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Where an initializer's bytes lie in the weights file. */
export interface ExternalLocation {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** Serialises a graph whose weights lie in another file of the same folder. */
export function encodeOnnxModel(
  graph: OnnxGraph,
  locate: (initializer: OnnxInitializer) => ExternalLocation,
): Buffer {
  const body = new ProtobufWriter();
  for (const node of graph.nodes) body.message(1, encodeNode(node));
  body.string(2, graph.name);
  for (const initializer of graph.initializers)
    body.message(5, encodeInitializer(initializer, locate(initializer)));
  body.message(11, encodeValue(graph.input)).message(12, encodeValue(graph.output));
  return new ProtobufWriter()
    .varint(1, irVersion)
    .string(2, "nnunet-processor")
    .message(7, body)
    .message(8, new ProtobufWriter().string(1, "").varint(2, onnxOpset))
    .finish();
}

const attributeType = { float: 1, int: 2, ints: 7 } as const;

function encodeNode({ op, inputs, output, attributes }: OnnxNode): ProtobufWriter {
  const message = new ProtobufWriter();
  for (const input of inputs) message.string(1, input);
  message.string(2, output).string(3, output).string(4, op);
  for (const [name, value] of Object.entries(attributes)) {
    const attribute = new ProtobufWriter().string(1, name);
    if ("float" in value) attribute.float(2, value.float).varint(20, attributeType.float);
    else if ("int" in value) attribute.varint(3, value.int).varint(20, attributeType.int);
    else {
      for (const number of value.ints) attribute.varint(8, number);
      attribute.varint(20, attributeType.ints);
    }
    message.message(5, attribute);
  }
  return message;
}

const float32 = 1;
const external = 1;

function encodeInitializer({ name, shape }: OnnxInitializer, location: ExternalLocation): ProtobufWriter {
  const message = new ProtobufWriter();
  for (const size of shape) message.varint(1, size);
  message.varint(2, float32).string(8, name);
  const entries = { location: location.file, offset: `${location.offset}`, length: `${location.length}` };
  for (const [key, value] of Object.entries(entries)) {
    message.message(13, new ProtobufWriter().string(1, key).string(2, value));
  }
  return message.varint(14, external);
}

function encodeValue({ name, shape }: OnnxGraph["input"]): ProtobufWriter {
  const dimensions = new ProtobufWriter();
  for (const size of shape) {
    const dimension = new ProtobufWriter();
    dimensions.message(1, typeof size === "number" ? dimension.varint(1, size) : dimension.string(2, size));
  }
  const tensor = new ProtobufWriter().varint(1, float32).message(2, dimensions);
  return new ProtobufWriter().string(1, name).message(2, new ProtobufWriter().message(1, tensor));
}
