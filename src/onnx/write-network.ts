import { type FileHandle, open, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { bytesPerElement, elementCount, elementSpan, readTensor, type Tensor } from "../checkpoint/tensor.js";
import { type ExternalLocation, encodeOnnxModel, type OnnxGraph } from "./onnx-graph.js";

export interface WriteNetworkOptions {
  readonly graph: OnnxGraph;
  /** By initializer name. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly checkpointFile: string;
  readonly onnxFile: string;
  readonly weightsFile: string;
  /** Bytes of weights written since the last call. */
  readonly onBytes: (count: number) => void;
  readonly signal?: AbortSignal;
}

/** ONNX Runtime maps large tensors into memory when they begin on a page. */
const pageBytes = 4096;
const alignmentBytes = 64;
const copyChunkBytes = 4 * 1024 * 1024;

/** Writes the graph and, beside it, its weights: from storage to file in small pieces, never all in memory. */
export async function writeNetwork(options: WriteNetworkOptions): Promise<void> {
  const { graph, tensors, checkpointFile, weightsFile } = options;
  const locations = layOut(graph, basename(weightsFile));
  const source = await open(checkpointFile, "r");
  try {
    const target = await open(weightsFile, "w");
    try {
      for (const { name } of graph.initializers) {
        options.signal?.throwIfAborted();
        const location = locations.get(name)!;
        await copyTensor({ source, target, checkpointFile }, tensors.get(name)!, location.offset);
        options.onBytes(location.length);
      }
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
  await writeFile(
    options.onnxFile,
    encodeOnnxModel(graph, ({ name }) => locations.get(name)!),
  );
}

/** Bytes that the weights of a graph take as float32. */
export const weightBytes = (graph: OnnxGraph): number =>
  graph.initializers.reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0);

function layOut(graph: OnnxGraph, file: string): ReadonlyMap<string, ExternalLocation> {
  const locations = new Map<string, ExternalLocation>();
  let end = 0;
  for (const { name, shape } of graph.initializers) {
    const length = 4 * elementCount(shape);
    const alignment = length >= pageBytes ? pageBytes : alignmentBytes;
    const offset = Math.ceil(end / alignment) * alignment;
    locations.set(name, { file, offset, length });
    end = offset + length;
  }
  return locations;
}

interface Files {
  readonly source: FileHandle;
  readonly target: FileHandle;
  readonly checkpointFile: string;
}

async function copyTensor(files: Files, tensor: Tensor, position: number): Promise<void> {
  const length = 4 * elementCount(tensor.shape);
  const isPlainRange =
    tensor.storage.dtype === "float32" && elementSpan(tensor) === elementCount(tensor.shape);
  if (!isPlainRange || !isRowMajor(tensor)) {
    const values = await readTensor(files.source, files.checkpointFile, tensor);
    await files.target.write(
      Buffer.from(values.buffer, values.byteOffset, values.byteLength),
      0,
      length,
      position,
    );
    return;
  }
  const from = tensor.storage.byteOffset + tensor.storageOffset * bytesPerElement.float32;
  const chunk = Buffer.allocUnsafe(Math.min(copyChunkBytes, length));
  for (let done = 0; done < length; ) {
    const { bytesRead } = await files.source.read(
      chunk,
      0,
      Math.min(chunk.length, length - done),
      from + done,
    );
    if (bytesRead === 0) throw new Error(`${files.checkpointFile} became shorter while it was read`);
    await files.target.write(chunk, 0, bytesRead, position + done);
    done += bytesRead;
  }
}

function isRowMajor({ shape, strides }: Tensor): boolean {
  return shape.every((size, axis) => size === 1 || strides[axis] === elementCount(shape.slice(axis + 1)));
}
