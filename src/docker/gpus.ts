import type { Engine } from "./engine.js";
import { engineError } from "./engine-error.js";

/** The keys of an engine's description that this program reads. */
interface EngineInfo {
  readonly Runtimes?: Readonly<Record<string, unknown>>;
  readonly DiscoveredDevices?: readonly { readonly ID: string }[] | null;
}

/** Returns whether containers can use the machine's NVIDIA GPUs: by a runtime, or by devices that CDI describes. */
export async function offersGpus({ docker }: Engine): Promise<boolean> {
  const info = (await docker.info().catch((error: unknown) => {
    throw engineError(error, "asking for GPUs", "ENGINE_FAILED");
  })) as EngineInfo;
  const devices = (info.DiscoveredDevices ?? []).filter(({ ID }) => ID.startsWith("nvidia.com/"));
  return "nvidia" in (info.Runtimes ?? {}) || devices.length > 0;
}
