import type { ModelManifest } from "../../contract/manifest.js";
import type { Device, InferenceEngineChoice, Precision } from "../../contract/run-settings.js";
import type { LoadedMember } from "../model/load-model.js";
import type { WindowShape } from "./engines/inference-engine.js";
import { type Networks, openNetworks } from "./networks.js";

/** The facts about what runs the networks. */
export type NetworkFacts = Omit<Networks, "predict" | "close">;

/** The networks of all members and their earlier stages. */
export interface NetworkSet {
  /**
   * Resolves when the network that runs first is loaded, so that a problem with the device or the files ends a run before
   * its first case.
   *
   * @throws DEVICE_MISSING, PRECISION_UNFIT, INFERENCE_ENGINE_UNFIT, INFERENCE_FAILED
   */
  readonly opened: Promise<NetworkFacts>;
  /**
   * Resolves, whatever happens, as soon as other work may use the cores: at once, or when the engines' times have been
   * measured.
   */
  readonly coresAreFree: Promise<void>;
  /**
   * Returns the networks of a member. If memory is too small for all members, it first frees the networks of the
   * others.
   */
  of(member: LoadedMember): Promise<Networks>;
  /** Loads the networks that run next while others run, if memory suffices for both. */
  loadAhead(member: LoadedMember): void;
  /** Frees the networks of a member until they are needed again. */
  release(member: LoadedMember): Promise<void>;
  close(): Promise<void>;
}

export interface NetworkSetOptions {
  readonly members: readonly LoadedMember[];
  readonly device: Device;
  /** The GPU that runs all of them, by a name for CUDA_VISIBLE_DEVICES; absent or null to choose one. */
  readonly gpu?: string | null;
  readonly precision: Precision;
  readonly inferenceEngine: InferenceEngineChoice;
  /** Null for the cores that this process may use. */
  readonly threads: number | null;
  /** The memory that this process may still use. */
  readonly availableBytes: number;
  /** The most networks that are loaded at a time; absent or null for as many as memory allows. */
  readonly mostOpen?: number | null;
}

/**
 * Weights count twice, because ONNX Runtime may keep them in a second memory order. The rest of the memory is for
 * images and windows.
 */
const bytesPerWeightByte = 2;
const shareForWeights = 0.5;

/** Begins to load the network that runs first. */
export function openNetworkSet(options: NetworkSetOptions): NetworkSet {
  const { members, device, precision, inferenceEngine, threads, availableBytes } = options;
  const stages = inRunningOrder(members);
  const weightBytes = stages.reduce((sum, stage) => sum + stage.weightBytes, 0);
  const holdsAll = weightBytes * bytesPerWeightByte <= availableBytes * shareForWeights;
  const keepsFeatureMaps = holdFeatureMaps(stages, availableBytes);
  const largest = Math.max(...stages.map((stage) => stage.weightBytes));
  const holdsTwo = holdsAll || 2 * largest * bytesPerWeightByte <= availableBytes * shareForWeights;
  const mostOpen = Math.min(holdsAll ? stages.length : holdsTwo ? 2 : 1, options.mostOpen ?? stages.length);
  /** All networks run on the GPU that was chosen for the first. */
  let chosenGpu = options.gpu ?? null;
  /** The last ones were used last. */
  const open = new Map<string, Promise<Networks>>();
  let freeCores: () => void = () => {};
  const coresAreFree = new Promise<void>((resolve) => {
    freeCores = resolve;
  });

  async function of(member: LoadedMember): Promise<Networks> {
    const key = keyOf(member);
    const found = open.get(key);
    if (found === undefined) await closeAllBut(holdsAll ? mostOpen - 1 : 0);
    const present = found ?? load(member);
    open.delete(key);
    open.set(key, present);
    try {
      return await present;
    } catch (error) {
      open.delete(key);
      throw error;
    }
  }

  function loadAhead(member: LoadedMember): void {
    const key = keyOf(member);
    if (mostOpen < 2 || open.has(key)) return;
    const loading = closeAllBut(mostOpen - 1).then(() => load(member));
    // `of` reports the error when the networks are needed.
    loading.catch(() => {});
    open.set(key, loading);
  }

  async function release(member: LoadedMember): Promise<void> {
    const key = keyOf(member);
    const networks = open.get(key);
    open.delete(key);
    const loaded = await networks?.catch(() => null);
    await loaded?.close();
  }

  async function load({ onnxFiles, plainOnnxFiles, gpuNetworks, model }: LoadedMember): Promise<Networks> {
    const networks = await openNetworks({
      onnxFiles,
      plainOnnxFiles,
      gpuNetworks,
      inferenceEngine,
      threads,
      window: windowShape(model),
      device,
      gpu: chosenGpu,
      precision,
      keepsFeatureMaps,
      onEngineChoice: ({ engine }) => (engine === "measure" ? undefined : freeCores()),
    });
    chosenGpu ??= networks.gpu;
    return networks;
  }

  /** Closes those that were used longest ago. */
  async function closeAllBut(count: number): Promise<void> {
    const others = [...open].slice(0, Math.max(0, open.size - count));
    for (const [key] of others) open.delete(key);
    const loaded = await Promise.allSettled(others.map(([, networks]) => networks));
    await Promise.all(loaded.map((one) => (one.status === "fulfilled" ? one.value.close() : null)));
  }

  const opened = of(stages[0]!);
  opened.then(freeCores, freeCores);

  async function close(): Promise<void> {
    await opened.catch(() => {}); // until then, the first one may not be known yet
    await closeAllBut(0);
  }

  return { opened, coresAreFree, of, loadAhead, release, close };
}

/** Returns the shape of a model's windows and of its answers. */
export const windowShape = ({ network, plan }: Pick<ModelManifest, "network" | "plan">): WindowShape => ({
  channels: network.inputChannels,
  heads: network.outputChannels,
  patchSize: plan.patchSize,
});

/** The bytes that a U-Net of 32 features needs for each voxel of its window, with a margin. */
const featureMapBytesPerVoxel = 1024;
const shareForFeatureMaps = 0.25;

/** Returns whether every fold of every network can keep the memory for its feature maps. */
export function holdFeatureMaps(stages: readonly LoadedMember[], availableBytes: number): boolean {
  const voxels = stages.map(
    ({ model, onnxFiles }) => onnxFiles.length * model.plan.patchSize.reduce((a, b) => a * b, 1),
  );
  const bytes = featureMapBytesPerVoxel * voxels.reduce((a, b) => a + b, 0);
  return bytes <= availableBytes * shareForFeatureMaps;
}

/** Returns each stage once, because an earlier stage may also be a member. */
function inRunningOrder(members: readonly LoadedMember[]): readonly LoadedMember[] {
  const stages = new Map<string, LoadedMember>();
  const add = (member: LoadedMember) => {
    if (member.previousStage !== null) add(member.previousStage);
    stages.set(keyOf(member), member);
  };
  members.forEach(add);
  return [...stages.values()];
}

const keyOf = ({ onnxFiles }: LoadedMember): string => onnxFiles.join("\n");
