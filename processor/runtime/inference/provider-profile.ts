import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { makeTemporaryFolder } from "../../files/temporary-folder.js";

/** The number of a network's nodes that each execution provider ran: `{ CUDAExecutionProvider: 120 }`. */
export type ProviderCounts = Readonly<Record<string, number>>;

/** A loaded network, and the execution providers on which it ran according to ONNX Runtime. */
export interface ProfiledSession {
  readonly session: ort.InferenceSession;
  readonly providers: ProviderCounts;
}

/**
 * Loads a network and runs it once on zeros with ONNX Runtime's profiler, whose records name the execution provider of
 * every node. This is necessary because a node without a CUDA kernel runs on the CPU without an error. The run also
 * saves time later: the device loads its code and, if windows run one at a time, convolutions keep their plans.
 *
 * Inputs may be float32, float16 or int64; axes without a fixed size are taken as 1.
 */
export async function openProfiledSession(
  onnxFile: string,
  options: ort.InferenceSession.SessionOptions,
): Promise<ProfiledSession> {
  const folder = await writableFolder();
  try {
    const session = await ort.InferenceSession.create(onnxFile, {
      ...options,
      enableProfiling: true,
      profileFilePrefix: join(folder, "profile"),
    });
    const outputs = await session.run(zeroInputs(session));
    for (const output of Object.values(outputs)) output.dispose();
    session.endProfiling();
    const [file] = await readdir(folder);
    if (file === undefined) throw new Error("ONNX Runtime wrote no profile");
    return { session, providers: countProviders(await readFile(join(folder, file), "utf8")) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Returns a folder to write to. A container with a read-only root and no /tmp still has /dev/shm. */
async function writableFolder(): Promise<string> {
  return makeTemporaryFolder("profile", null).catch((error: unknown) =>
    makeTemporaryFolder("profile", "/dev/shm").catch(() => {
      throw error;
    }),
  );
}

/** Counts the nodes in the profiler's JSON, where the kernel of each node is one event. */
export function countProviders(profile: string): ProviderCounts {
  const counts: Record<string, number> = {};
  for (const { cat, name, args } of JSON.parse(profile) as readonly ProfileEvent[]) {
    if (cat !== "Node" || args?.provider === undefined || !name.endsWith("_kernel_time")) continue;
    counts[args.provider] = (counts[args.provider] ?? 0) + 1;
  }
  return counts;
}

/** An event as ONNX Runtime writes it. */
interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly args?: { readonly provider?: string };
}

/**
 * Returns the provider's name if it ran every node, otherwise the number of nodes of each provider, largest first.
 *
 * @example describeProviders({ CUDAExecutionProvider: 118, CPUExecutionProvider: 2 }) // "CUDAExecutionProvider (118
 *   nodes) and CPUExecutionProvider (2 nodes)"
 */
export function describeProviders(counts: ProviderCounts): string {
  const shares = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
  const [only] = shares;
  if (only !== undefined && shares.length === 1) return only[0];
  return shares.map(([name, nodes]) => `${name} (${nodes} nodes)`).join(" and ");
}

function zeroInputs(session: ort.InferenceSession): Record<string, ort.Tensor> {
  return Object.fromEntries(
    session.inputMetadata.map((input) => {
      if (!input.isTensor) throw new Error(`input ${input.name} is not a tensor`);
      const shape = input.shape.map((size) => (typeof size === "number" && size > 0 ? size : 1));
      const count = shape.reduce((product, size) => product * size, 1);
      if (input.type === "int64")
        return [input.name, new ort.Tensor("int64", new BigInt64Array(count), shape)];
      if (input.type === "float16")
        return [input.name, new ort.Tensor("float16", new Uint16Array(count), shape)];
      return [input.name, new ort.Tensor("float32", new Float32Array(count), shape)];
    }),
  );
}
