import { createHash } from "node:crypto";
import { type FileHandle, open, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { cpuGraph } from "./cpu-graph.js";
import { type ExternalData, encodeModel } from "./encode-model.js";
import type { OnnxGraph, OnnxWeight } from "./onnx-graph.js";
import { openvinoGraph } from "./openvino-graph.js";
import { plainGraph, plainVersion } from "./plain-graph.js";

/** `plain`: as nnU-Net defines the network; `cpu`: rewritten into what ONNX Runtime computes fastest on a CPU. */
export type NetworkForm = "plain" | "cpu";

export interface WriteNetworkOptions {
  readonly graph: OnnxGraph;
  readonly form: NetworkForm;
  readonly onnxFile: string;
  /** Must be in the same folder, because ONNX Runtime looks for it there. */
  readonly weightsFile: string;
  /** Called with the size in bytes of every chunk that is written; may throw to stop. */
  readonly onBytes: (bytes: number) => void;
}

/** Properties of the written network. */
export interface NetworkDigests {
  /** Hexadecimal SHA-256 of both files. */
  readonly onnx: string;
  readonly weights: string;
  /** True if float16 can represent every weight. */
  readonly isWithinFloat16: boolean;
}

/**
 * Writes one network as two new files. The weights are streamed from the checkpoint and are never all in
 * memory.
 */
export async function writeNetwork(options: WriteNetworkOptions): Promise<NetworkDigests> {
  const { graph, form, onnxFile, weightsFile } = options;
  const laidOut = layOut(graph);
  const handle = await open(weightsFile, "wx");
  const hash = createHash("sha256");
  let end = 0;
  let isWithinFloat16 = true;
  try {
    for (const item of laidOut) {
      hash.update(new Uint8Array(item.byteOffset - end)); // the gap reads as zeros
      end = item.byteOffset + item.byteLength;
      await writeWeight(handle, item, (bytes, values) => {
        hash.update(bytes);
        isWithinFloat16 &&= float16Holds(values);
        options.onBytes(bytes.length);
      });
    }
  } finally {
    await handle.close();
  }
  const data = externalData(graph, basename(weightsFile));
  const plain = plainGraph(graph);
  const model =
    form === "cpu"
      ? encodeModel({ body: cpuGraph(graph), data })
      : encodeModel({ body: plain, data, version: plainVersion(plain) });
  await writeFile(onnxFile, model, { flag: "wx" });
  return {
    onnx: createHash("sha256").update(model).digest("hex"),
    weights: hash.digest("hex"),
    isWithinFloat16,
  };
}

/**
 * Writes a network's form for OpenVINO as a new file. It refers to the weights that `writeNetwork` wrote in the same
 * folder.
 */
export async function writeOpenvinoGraph(
  graph: OnnxGraph,
  file: string,
  weightsFile: string,
  largeBytes?: number,
): Promise<void> {
  const body = openvinoGraph(graph, largeBytes);
  const data = externalData(graph, weightsFile);
  await writeFile(file, encodeModel({ body, data, version: plainVersion(body) }), { flag: "wx" });
}

/** Returns the positions at which `writeNetwork` puts the weights of a graph. */
export const externalData = (graph: OnnxGraph, weightsFile: string): readonly ExternalData[] =>
  layOut(graph).map(({ weight: { name, values }, byteOffset, byteLength }) => ({
    name,
    shape: values.shape,
    weightsFile,
    byteOffset,
    byteLength,
  }));

/** Larger values are infinite in float16. */
const largestFloat16 = 65504;

function float16Holds(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) {
    if (!(Math.abs(values[i]!) <= largestFloat16)) return false; // also false for NaN
  }
  return true;
}

/** Returns the number of bytes of weights that `writeNetwork` will write. */
export const weightBytes = (graph: OnnxGraph): number =>
  layOut(graph).reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Large weights start on a page, so that ONNX Runtime can map them; small ones start on a cache line. */
const pageSize = 4096;
const lineSize = 64;

interface LaidOutWeight {
  readonly weight: OnnxWeight;
  readonly byteOffset: number;
  readonly byteLength: number;
}

function layOut({ weights }: OnnxGraph): LaidOutWeight[] {
  let end = 0;
  return weights.map((weight) => {
    const byteLength = 4 * weight.values.shape.reduce((a, b) => a * b, 1);
    const alignment = byteLength >= pageSize ? pageSize : lineSize;
    const byteOffset = Math.ceil(end / alignment) * alignment;
    end = byteOffset + byteLength;
    return { weight, byteOffset, byteLength };
  });
}

async function writeWeight(
  handle: FileHandle,
  { weight, byteOffset, byteLength }: LaidOutWeight,
  onChunk: (bytes: Uint8Array, values: Float32Array) => void,
): Promise<void> {
  let position = byteOffset;
  for await (const chunk of weight.values.chunks()) {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    await writeAll(handle, bytes, position);
    position += chunk.byteLength;
    onChunk(bytes, chunk);
  }
  if (position !== byteOffset + byteLength) {
    throw new Error(`${weight.name}: ${position - byteOffset} bytes instead of ${byteLength}`);
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
