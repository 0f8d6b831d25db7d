import { join } from "node:path";
import type { BuiltImage } from "../docker/build-image.js";
import type { Engine } from "../docker/engine.js";
import { saveImage } from "../docker/save-image.js";
import { lockBase } from "../download/lock-file.js";
import { withLayerCache } from "../oci/layer-cache.js";
import { readDockerArchive } from "../oci/open-docker-archive.js";
import type { PushedImage } from "../oci/registry/push-image.js";
import { pushToRegistry } from "../oci/registry/push-to-registry.js";
import type { RegistryAccess } from "../oci/registry/registry-access.js";

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
