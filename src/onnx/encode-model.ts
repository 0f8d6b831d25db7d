import {
  type OnnxAttribute,
  type OnnxBody,
  type OnnxNode,
  type OnnxValue,
  onnxElementTypes,
} from "./onnx-graph.js";
import { ProtobufWriter } from "./protobuf-writer.js";

/** Position of an initializer's values. */
export interface ExternalData {
  /** Name of the initializer. */
  readonly name: string;
  readonly shape: readonly number[];
  /** File name, in the folder of the model. */
  readonly weightsFile: string;
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface EncodeModelOptions {
  readonly body: OnnxBody;
  readonly data: readonly ExternalData[];
  /** Defaults to `ownVersion`. */
  readonly version?: OnnxVersion;
}

/** The versions of the file format and of ONNX's operators. */
export interface OnnxVersion {
  readonly irVersion: number;
  readonly opset: number;
}

/** ONNX 1.15, which every ONNX Runtime since 1.17 loads. */
export const ownVersion: OnnxVersion = { irVersion: 9, opset: 20 };

/** Encodes an `.onnx` file (a ModelProto) whose weights are in other files. */
export function encodeModel({ body, data, version = ownVersion }: EncodeModelOptions): Uint8Array {
  return new ProtobufWriter()
    .integer(1, version.irVersion)
    .string(2, "nnunet-processor")
    .message(7, (message) => {
      encodeNodes(message, body);
      for (const item of data) message.message(5, (m) => encodeWeight(m, item));
      encodeValues(message, body);
    })
    .message(8, (message) => message.string(1, "").integer(2, version.opset))
    .finish();
}

/** Values of ONNX's enumerations TensorProto.DataLocation and AttributeProto.AttributeType. */
const external = 1;
const attributeTypes = { float: 1, integer: 2, text: 3, body: 5, floats: 6, integers: 7 };

function encodeNodes(message: ProtobufWriter, { name, nodes }: OnnxBody): void {
  for (const node of nodes) message.message(1, (m) => encodeNode(m, node));
  message.string(2, name);
}

function encodeValues(message: ProtobufWriter, { inputs, outputs }: OnnxBody): void {
  for (const input of inputs) message.message(11, (m) => encodeValue(m, input));
  for (const output of outputs) message.message(12, (m) => encodeValue(m, output));
}

function encodeNode(message: ProtobufWriter, node: OnnxNode): void {
  for (const input of node.inputs) message.string(1, input);
  for (const output of node.outputs) message.string(2, output);
  message.string(3, node.name).string(4, node.operator);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    message.message(5, (m) => encodeAttribute(m.string(1, name), attribute));
  }
}

function encodeAttribute(message: ProtobufWriter, attribute: OnnxAttribute): void {
  if ("float" in attribute) message.float(2, attribute.float).integer(20, attributeTypes.float);
  else if ("integer" in attribute) message.integer(3, attribute.integer).integer(20, attributeTypes.integer);
  else if ("text" in attribute) message.string(4, attribute.text).integer(20, attributeTypes.text);
  else if ("body" in attribute) {
    const { body } = attribute;
    message.message(6, (graph) => {
      encodeNodes(graph, body);
      encodeValues(graph, body);
    });
    message.integer(20, attributeTypes.body);
  } else if ("floats" in attribute) {
    for (const value of attribute.floats) message.float(7, value);
    message.integer(20, attributeTypes.floats);
  } else {
    for (const value of attribute.integers) message.integer(8, value);
    message.integer(20, attributeTypes.integers);
  }
}

function encodeWeight(message: ProtobufWriter, data: ExternalData): void {
  const entry = (key: string, value: string): void => {
    message.message(13, (m) => m.string(1, key).string(2, value));
  };
  message.packedIntegers(1, data.shape).integer(2, onnxElementTypes.float32).string(8, data.name);
  entry("location", data.weightsFile);
  entry("offset", String(data.byteOffset));
  entry("length", String(data.byteLength));
  message.integer(14, external);
}

function encodeValue(message: ProtobufWriter, value: OnnxValue): void {
  message.string(1, value.name).message(2, (type) =>
    type.message(1, (tensor) =>
      tensor.integer(1, onnxElementTypes[value.elementType ?? "float32"]).message(2, (shape) => {
        for (const size of value.shape) {
          shape.message(1, (m) => (typeof size === "number" ? m.integer(1, size) : m.string(2, size)));
        }
      }),
    ),
  );
}
