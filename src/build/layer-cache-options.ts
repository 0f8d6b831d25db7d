import { join } from "node:path";
import type { LayerCacheOptions } from "../oci/layer-cache.js";
import type { BuildContext } from "./build-request.js";

/** Where layers are kept for the next build, as `withLayerCache` takes it. */
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
