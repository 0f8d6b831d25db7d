import { join } from "node:path";
import type { LayerCacheOptions } from "../oci/layer-cache.js";
import type { BuildContext } from "./build-request.js";

/** Returns the options of `withLayerCache` for a build. */
export const layerCache = ({
  cacheFolder,
  cacheLimitBytes,
  progress,
  signal,
}: Pick<BuildContext, "cacheFolder" | "cacheLimitBytes" | "progress" | "signal">): LayerCacheOptions => ({
  folder: join(cacheFolder, "layers"),
  limitBytes: cacheLimitBytes,
  progress,
  signal,
});
