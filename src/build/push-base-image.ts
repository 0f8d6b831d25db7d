import type { BuiltImage } from "../docker/build-image.js";
import type { Engine } from "../docker/engine.js";
import { lockBase } from "../download/lock-file.js";
import { withLayerCache } from "../oci/layer-cache.js";
import type { PushedImage } from "../oci/registry/push-image.js";
import { pushToRegistry } from "../oci/registry/push-to-registry.js";
import type { RegistryAccess } from "../oci/registry/registry-access.js";
import { savedImage } from "./docker-builder.js";
import { layerCache } from "./layer-cache-options.js";

export interface PushBaseImageOptions extends RegistryAccess {
  readonly signal: AbortSignal;
  readonly engine: Engine;
  readonly image: BuiltImage;
  readonly cacheFolder: string;
  readonly cacheLimitBytes: number;
  /** `processor.lock.json`, in which later builds find the digest of this base. */
  readonly lockFile: string;
}

/**
 * Pushes a base image from the engine to the registry in its name, and locks the name to the pushed digest.
 *
 * @throws REGISTRY_DENIED, REGISTRY_FAILED
 */
export async function pushBaseImage(options: PushBaseImageOptions): Promise<PushedImage> {
  const { engine, image, lockFile, signal } = options;
  const { imageName } = image;
  const { pushed } = await withLayerCache(layerCache(options), async (cache) =>
    pushToRegistry(await savedImage(engine, imageName, { cache, signal }), null, options),
  );
  await lockBase({ lockFile, signal }, imageName, pushed.manifestDigest);
  return pushed;
}
