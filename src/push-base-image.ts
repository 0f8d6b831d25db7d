import { join } from "node:path";
import type { BuiltImage } from "./image/docker/build-image.js";
import type { Engine } from "./image/docker/engine.js";
import { saveImage } from "./image/docker/save-image.js";
import { withLayerCache } from "./image/oci/layer-cache.js";
import { readDockerArchive } from "./image/oci/open-docker-archive.js";
import { lockBase } from "./lock-file.js";
import type { PushedImage } from "./publish/registry/push-image.js";
import { pushToRegistry } from "./push-to-registry.js";
import type { RegistryAccess } from "./registry-access.js";

export interface PushBaseImageOptions extends RegistryAccess {
  readonly engine: Engine;
  readonly image: BuiltImage;
  readonly cacheFolder: string;
  readonly cacheLimitBytes: number;
  /** `processor.lock.json`, in which builds on this base find its digest. */
  readonly lockFile: string;
}

/**
 * Sends a base image from the engine to the registry in its name, and locks the name to what was sent.
 *
 * @throws REGISTRY_DENIED, REGISTRY_FAILED
 */
export async function pushBaseImage(options: PushBaseImageOptions): Promise<PushedImage> {
  const { engine, image, cacheFolder, cacheLimitBytes, lockFile, progress, signal } = options;
  const { imageName } = image;
  const limits = { folder: join(cacheFolder, "layers"), limitBytes: cacheLimitBytes };
  const aborting = signal === undefined ? {} : { signal };
  const { pushed } = await withLayerCache({ ...limits, progress, ...aborting }, async (cache) => {
    const saved = await readDockerArchive(saveImage(engine, imageName), {
      archiveName: imageName,
      ...{ imageName, cache, ...aborting },
    });
    return await pushToRegistry(saved, null, options);
  });
  await lockBase(lockFile, imageName, pushed.manifestDigest);
  return pushed;
}
